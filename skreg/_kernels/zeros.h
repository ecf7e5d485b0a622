/* What is known of zeros in a product A·B. */
#ifndef SKREG_ZEROS_H
#define SKREG_ZEROS_H
enum {
    SKREG_NO_ZEROS = 0,        /* nothing */
    SKREG_TOGETHER = 1,        /* many of A lie together: six neighbors are 0 in the same place, as in images */
    SKREG_SCATTERED = 2,       /* many of A lie here and there, as after ReLU */
    SKREG_SCATTERED_RIGHT = 3, /* many of B do */
};
#endif
