"""Condition vector to cover: networks, losses, recipes, training, bundles and sampling."""
