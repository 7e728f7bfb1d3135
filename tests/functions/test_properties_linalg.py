"""For whatever shapes and subscripts are drawn: products are NumPy's, and gradients are derivatives."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import Variable, grad
from dezero import functions as F
from dezero.testing import check_grads

DRAWN = settings(max_examples=50, deadline=None)


def normal(data, shape):
    return np.random.default_rng(data.draw(st.integers(0, 99))).standard_normal(shape)


@DRAWN
@given(st.data())
def test_matmul_is_numpys_and_its_gradients_are_derivatives_of_their_operands_shape(data):
    batch = data.draw(st.lists(st.integers(1, 3), max_size=3))
    m, k, n = (data.draw(st.integers(1, 3)) for _ in range(3))

    def operand(*matrix):
        if data.draw(st.integers(0, 3)) == 0:
            return normal(data, (k,))
        lead = [data.draw(st.sampled_from([1, length])) for length in batch]
        return normal(data, (*lead[data.draw(st.integers(0, len(lead))) :], *matrix))

    x, W = operand(m, k), operand(k, n)
    vs = Variable(x), Variable(W)
    y = F.matmul(*vs)
    expected = np.matmul(x, W)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-12)
    assert [g.shape for g in grad(y, vs)] == [x.shape, W.shape]
    check_grads(F.matmul, x, W)


@st.composite
def einsums(draw):
    """Subscripts and operands that fit: one to three operands, diagonals, sums, ellipses, axes of length 1."""
    sizes = {letter: draw(st.integers(1, 3)) for letter in "abcd"}
    dots = draw(st.lists(st.integers(1, 3), max_size=2))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    terms, xs = [], []
    for _ in range(draw(st.integers(1, 3))):
        letters = draw(st.lists(st.sampled_from("abcd"), max_size=4))
        shape = [sizes[letter] for letter in letters]
        for i, letter in enumerate(letters):
            if letters.count(letter) == 1 and draw(st.integers(0, 7)) == 0:
                shape[i] = 1
        if draw(st.booleans()):
            at = draw(st.integers(0, len(letters)))
            own = [draw(st.sampled_from([1, n])) for n in dots][draw(st.integers(0, len(dots))) :]
            letters, shape = [*letters[:at], "...", *letters[at:]], [*shape[:at], *own, *shape[at:]]
        terms.append("".join(letters))
        xs.append(rng.standard_normal(shape))
    subscripts = ",".join(terms)
    if draw(st.booleans()):
        known = sorted({*subscripts} - {*",."})
        kept = [letter for letter in draw(st.permutations(known)) if draw(st.booleans())]
        kept.insert(draw(st.integers(0, len(kept))), "...")
        subscripts += "->" + "".join(kept)
    return subscripts, xs


@DRAWN
@given(einsums())
def test_einsum_is_numpys_and_its_gradients_are_derivatives(drawn):
    subscripts, xs = drawn
    expected = np.einsum(subscripts, *xs)
    y = F.einsum(subscripts, *xs)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-10, atol=1e-10)
    check_grads(lambda *vs: F.einsum(subscripts, *vs), *xs)
