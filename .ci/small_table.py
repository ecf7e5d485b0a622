"""Print a small CSV with a numeric and a categorical column and a missing value."""

import random

random.seed(0)
print("size,colour,y")
for row in range(120):
    size, colour = random.gauss(0, 1), random.choice(["red", "green"])
    shown = "" if row == 7 else f"{size:.4f}"
    print(f"{shown},{colour},{2 * size + (colour == 'red') + random.gauss(0, 0.1):.4f}")
