"""The rows of ``dezero.functions.einsum``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F

from .rows import Lazy, Row, case

torch = Lazy("torch")
rng = np.random.default_rng(0)


def subscripted(subscripts, *shapes, **options):
    """A case named after its subscripts and shapes."""
    xs = [rng.uniform(0.5, 2.0, shape) for shape in shapes]  # of one sign: float16 has no digits to lose
    name = f"{subscripts} {' '.join(str(s).replace(' ', '') for s in shapes)}"
    return case(*xs, subscripts=subscripts, name=name, **options)


ROWS = [
    Row(
        "einsum",
        lambda *xs, subscripts: np.einsum(subscripts, *xs),
        lambda *xs, subscripts: torch.einsum(subscripts, *xs),
        [
            subscripted("ij,jk->ik", (2, 3), (3, 4)),
            subscripted("ij,jk", (2, 3), (3, 4)),
            subscripted("ij , kj -> ki", (2, 3), (4, 3)),
            subscripted("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
            subscripted("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
            subscripted("bhqk,bkhd->bqhd", (2, 2, 3, 4), (2, 4, 2, 3)),
            subscripted("i,i", (3,), (3,)),
            subscripted("i,j->ji", (2,), (3,)),
            subscripted("ij,ij->ij", (2, 3), (2, 3)),
            subscripted("ij,ij->i", (2, 3), (2, 3)),
            subscripted("ij,ij", (2, 3), (2, 3)),
            subscripted("ij,j->ij", (2, 3), (3,)),
            subscripted("abc,cbd->", (2, 3, 4), (4, 3, 2)),
            subscripted("abcd,dbef->aefc", (2, 2, 3, 2), (2, 2, 2, 2)),
            # sums over what only one operand has
            subscripted("ij->", (2, 3)),
            subscripted("ij->j", (2, 3)),
            subscripted("ij,kl->il", (2, 3), (4, 2)),
            # permutations, and the identity
            subscripted("ij->ji", (2, 3)),
            subscripted("ba", (2, 3)),
            subscripted("ij", (2, 3)),
            # diagonals
            subscripted("ii", (3, 3)),
            subscripted("ii->i", (3, 3)),
            subscripted("iii->i", (3, 3, 3)),
            subscripted("iji->j", (2, 3, 2)),
            subscripted("ijij->ji", (2, 3, 2, 3)),
            subscripted("...ii->...i", (2, 3, 3)),
            subscripted("ii,ij->j", (3, 3), (3, 2)),
            # ellipsis, and axes of length 1
            subscripted("...ij,...jk->...ik", (2, 3, 4), (4, 2)),
            subscripted("...ij,...jk", (2, 1, 2, 3), (4, 3, 2)),
            subscripted("i...,...j", (2, 3), (3, 4)),
            subscripted("...,...->...", (2, 1), (3, 1, 4)),
            subscripted("ij...->i...", (2, 3, 2)),
            subscripted("...,...", (), (3,)),
            subscripted("ij,jk->ik", (2, 1), (3, 4)),
            subscripted("i,i->i", (1,), (3,)),
            subscripted("i,i", (1,), (1,)),
            subscripted("ij,ij->ij", (1, 1), (2, 3)),
            subscripted("ii,i->i", (1, 1), (3,), no_torch="takes no diagonal of what it broadcasts, as NumPy does"),
            # several operands
            subscripted("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
            subscripted("ni,oij,nj->no", (3, 2), (4, 2, 3), (3, 3)),
            subscripted("i,i,i->i", (3,), (3,), (3,)),
            subscripted("ab,bc,cd,da", (2, 3), (3, 2), (2, 3), (3, 2)),
            # without axes, and without elements
            subscripted("->", ()),
            subscripted(",ij->ij", (), (2, 3)),
            subscripted("ij,jk->ik", (2, 0), (0, 3)),
            subscripted("ij,jk->ik", (0, 2), (2, 3)),
            subscripted("ij->i", (0, 3)),
            subscripted("ij->i", (3, 0)),
            subscripted("i,i->i", (0,), (1,)),
        ],
        call=lambda *xs, subscripts: F.einsum(subscripts, *xs),
    ),
]
