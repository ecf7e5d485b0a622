"""Print a small CSV with a numeric and a categorical column and a missing value."""

import random

random.seed(0)
print("size,color,y")
for row in range(120):
    size, color = random.gauss(0, 1), random.choice(["red", "green"])
    shown = "" if row == 7 else f"{size:.4f}"
    print(f"{shown},{color},{2 * size + (color == 'red') + random.gauss(0, 0.1):.4f}")
