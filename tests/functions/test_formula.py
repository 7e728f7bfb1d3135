from __future__ import annotations

import numpy as np
import pytest

from dezero import Function, Variable
from dezero import functions as F
from dezero.functions.formula import Formula, differentiate
from dezero.testing import check_grads


class CubeGrad(Function):
    """3 x^2 gy, whose own derivative comes from the formula."""

    def forward(self, x, gy):
        return 3 * x * x * gy

    def backward(self, gg):
        return tuple(differentiate(lambda x, gy: 3 * x * x * gy, self.inputs, [gg]))


class Cube(Function):
    def forward(self, x):
        return x**3

    def backward(self, gy):
        return CubeGrad()(self.inputs[0], gy)


def test_a_fused_gradient_differentiates_through_its_formula_to_any_order():
    check_grads(lambda x: Cube()(F.sin(x)), np.array([0.3, 1.2]), order=4)


def test_a_formula_without_gradients_says_so():
    class Half(Formula):
        def forward(self, x):
            return x / 2

    with pytest.raises(NotImplementedError, match="Half has no gradients"):
        Half()(Variable(np.array(1.0))).backward()
