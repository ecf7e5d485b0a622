"""One file a family of problems; each defines ``PROBLEMS``."""
