"""Real tables, and models that are compared on them."""
