"""Kernels as loops over single numbers, which Numba turns into machine code; imported only where it is installed.

Each module is named after the one in ``kernels/`` whose functions it serves, and that one holds the same kernel in
NumPy, beside which the loop is tested. A loop reads what it needs, computes in registers, and writes the result: one
pass over memory where NumPy's functions take one each.

The machine code lies in ``__pycache__`` and is made anew where the file of its loop has changed. After a change in what
several share, ``elementary.py``, ``vectors.py``, ``sums.py`` or ``jit.py``, delete that folder.
"""
