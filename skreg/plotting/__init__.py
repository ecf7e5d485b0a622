"""Pictures of paths, penalties, searches and networks, as scikit-learn Displays."""
