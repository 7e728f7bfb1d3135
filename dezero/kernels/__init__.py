"""Array-level code where an array module alone is too slow: a readable reference, and a fast version for a device."""
