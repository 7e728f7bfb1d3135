"""The checker is checked: a gradient wrong by a thousandth must fail, at every order."""

from __future__ import annotations

import numpy as np
import pytest

from dezero import Function, Variable
from dezero import functions as F
from dezero.testing import array_allclose, array_equal, check_grads, gradient_check, numerical_grad
from dezero.utils import gradient_check as the_books_name

x = np.array([0.3, -1.1, 2.0])


class Wrong(Function):
    """sin, with a gradient off by ``factor``; its second derivative off by ``second``."""

    def __init__(self, factor=1.0, second=1.0):
        self.factor, self.second = factor, second

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        return gy * self.factor * WrongCos(self.second)(self.inputs[0])


class WrongCos(Function):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return np.cos(x)

    def backward(self, gy):
        return gy * -self.factor * F.sin(self.inputs[0])


def test_a_right_gradient_passes():
    check_grads(lambda x: Wrong()(x), x, order=3)
    assert gradient_check(lambda x: Wrong()(x), x)


def test_a_gradient_wrong_by_a_thousandth_fails():
    with pytest.raises(AssertionError, match="derivative 1 by input 0 is"):
        check_grads(lambda x: Wrong(1.001)(x), x)
    assert not gradient_check(lambda x: Wrong(1.001)(x), Variable(x))


def test_a_second_derivative_wrong_by_a_thousandth_fails():
    check_grads(lambda x: Wrong(1.0, 1.001)(x), x, order=1)
    with pytest.raises(AssertionError, match="derivative 2 by input 0 is"):
        check_grads(lambda x: Wrong(1.0, 1.001)(x), x, order=2)


def test_a_missing_gradient_fails():
    with pytest.raises(AssertionError, match="derivative 1 by input 1 is 0"):
        check_grads(lambda x, y: x * y.detach(), x, x + 1)


def test_numerical_grad_works_on_each_module(xp):
    g = numerical_grad(lambda x, c: x**c, Variable(xp.asarray(np.array([1.0, 2.0], np.float32))), 3)
    assert type(g) is xp.ndarray
    assert array_allclose(g, np.array([3.0, 12.0]))


def test_comparisons_look_at_shape_and_elements(xp):
    a = xp.asarray(np.array([1.0, 2.0]))
    assert array_equal(a, Variable(a)) and not array_equal(a, np.array([[1.0, 2.0]]))
    assert array_allclose(a, a + 1e-6) and not array_allclose(a, a + 1e-3)
    assert not array_allclose(np.ones(3), np.array(1.0))


def test_the_books_utils_have_the_same_checker():
    assert the_books_name is gradient_check
