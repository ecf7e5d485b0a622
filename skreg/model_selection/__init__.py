"""Choosing λ: a search over whole paths."""
