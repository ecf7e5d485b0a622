"""Regularised learning in scikit-learn: one objective, one λ."""
