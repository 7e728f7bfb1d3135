"""An op with a gradient worked out by hand differentiates to any order, by its plain formula."""

from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.functions.fused import Fused, check_same_precision, widened
from dezero.testing import check_grads


class Product(Fused):
    """y = x0^2 x1, which counts how often its gradients are taken."""

    calls = 0

    def forward(self, x0, x1):
        return x0 * x0 * x1

    def gradients(self, gy, x0, x1):
        Product.calls += 1
        wants0, wants1 = self.needs_grad
        return gy * 2 * x0 * x1 if wants0 else None, gy * x0 * x0 if wants1 else None

    def plain(self, x0, x1):
        return x0 * x0 * x1


def test_it_differentiates_to_any_order():
    rng = np.random.default_rng(0)
    check_grads(lambda x0, x1: Product()(x0, x1), rng.standard_normal(3), rng.standard_normal(3), order=4)


def test_both_walks_take_the_fused_gradient():
    for create_graph in (False, True):
        before = Product.calls
        x0, x1 = Variable(np.array([2.0])), Variable(np.array([3.0]))
        Product()(x0, x1).backward(create_graph=create_graph)
        assert (x0.grad.item(), x1.grad.item()) == (12.0, 4.0)
        assert Product.calls == before + 1


def test_a_constant_input_gets_no_gradient_to_any_order():
    x = Variable(np.array([2.0]))
    gx = grad(Product()(x, np.array([3.0])), x, create_graph=True)
    assert grad(gx, x, create_graph=True).item() == 6.0
    gx = grad(Product()(np.array([3.0]), x), x, create_graph=True)
    assert gx.item() == 9.0 and grad(gx, x, allow_unused=True) is None


def test_a_plain_formula_that_is_wrong_is_found():
    class Wrong(Product):
        def plain(self, x0, x1):
            return x0 * x0 * x1 * 1.001

    with pytest.raises(AssertionError, match="derivative 2"):
        check_grads(lambda x: Wrong()(x, x), np.array([1.0, 2.0]))


def test_a_subclass_without_its_formulas_is_told_so():
    class Forward(Fused):
        def forward(self, x):
            return x * 1

    with pytest.raises(NotImplementedError, match=r"Forward has no gradients\(self, gy, \*xs\)"):
        Forward()(Variable(np.ones(1))).backward()
    with pytest.raises(NotImplementedError, match=r"Forward has no plain\(self, \*xs\)"):
        Forward().plain(Variable(np.ones(1)))


def test_half_precision_is_widened_and_nothing_else_is():
    x = np.ones(1, np.float16)
    assert widened(x).dtype == widened(Variable(x)).dtype == np.float32
    for dtype in (np.float32, np.float64):
        y = np.ones(1, dtype)
        assert widened(y) is y


def test_half_precision_meets_only_itself():
    x, y = np.ones(1, np.float16), np.ones(1, np.float32)
    check_same_precision(x, "norm", x)
    check_same_precision(y, "norm", y.astype(np.float64))
    with pytest.raises(TypeError, match="norm: float16 and float32 do not meet silently"):
        check_same_precision(x, "norm", x, y)


def test_it_works_on_every_device(device):
    x = Variable(device.asarray(np.array([2.0])))
    gx = grad(Product()(x, x), x, create_graph=True)
    assert F.sum(grad(gx, x)).item() == 12.0
