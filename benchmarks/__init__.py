"""Measures dezero against its peers: each side in its own process, in turn, medians and ratios."""
