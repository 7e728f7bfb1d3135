"""Holds array-level code where NumPy's or CuPy's own functions are too slow: a readable reference and a fast way."""
