"""Whatever sizes fit together: convolution and pooling are what plain loops say, and gradients are transposes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import Variable
from dezero import functions as F
from dezero.core import grad
from registry.conv import col2im, conv, conv_weight, deconv, im2col
from registry.pooling import average_pool, pool

FEW = settings(deadline=None, derandomize=True, max_examples=40)
two = st.tuples(st.integers(1, 3), st.integers(1, 3))
none_to_two = st.tuples(st.integers(0, 2), st.integers(0, 2))


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


class Case(NamedTuple):
    x: np.ndarray
    W: np.ndarray
    gy: np.ndarray
    how: dict


@st.composite
def convolutions(draw):
    """An image, filters and a gradient that fit together."""
    groups, ins, outs = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel, stride, pad, dilation = draw(two), draw(two), draw(none_to_two), draw(two)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    size = [max(1, r - 2 * p) + draw(st.integers(0, 4)) for r, p in zip(reach, pad)]
    count = [(n + 2 * p - r) // s + 1 for n, r, p, s in zip(size, reach, pad, stride)]
    N, rng = draw(st.integers(1, 3)), np.random.default_rng(draw(st.integers(0, 999)))
    x, gy = rng.standard_normal((N, groups * ins, *size)), rng.standard_normal((N, groups * outs, *count))
    W = rng.standard_normal((groups * outs, ins, *kernel))
    return Case(x, W, gy, {"stride": stride, "pad": pad, "dilation": dilation, "groups": groups})


@FEW
@given(convolutions())
def test_conv2d_is_what_plain_loops_say(case):
    x, W, _, how = case
    b = np.arange(len(W)) * 1.0
    close(F.conv2d(x, W, b, **how).data, conv(x, W, b, **how))


@FEW
@given(convolutions())
def test_deconv2d_is_what_plain_loops_say(case):
    x, W, gy, how = case
    b = np.arange(x.shape[1]) * 1.0
    close(F.deconv2d(gy, W, b, outsize=x.shape[2:], **how).data, deconv(gy, W, b, outsize=x.shape[2:], **how))


@FEW
@given(convolutions())
def test_gradients_of_conv2d_are_what_plain_loops_say(case):
    x, W, gy, how = case
    vx, vW = Variable(x), Variable(W)
    gx, gW = grad(F.conv2d(vx, vW, **how), [vx, vW], Variable(gy))
    close(gx.data, deconv(gy, W, outsize=x.shape[2:], **how))
    close(gW.data, conv_weight(x, gy, W.shape[2:], **how))


@FEW
@given(convolutions())
def test_convolution_its_transpose_and_its_weight_gradient_are_adjoint(case):
    """<conv(x, W), g> = <x, deconv(g, W)> = <W, gradW(x, g)>"""
    x, W, gy, how = case
    stride, pad, dilation, groups = how.values()
    value = (F.conv2d(x, W, **how).data * gy).sum()
    close((x * F.deconv2d(gy, W, outsize=x.shape[2:], **how).data).sum(), value)
    close((W * F.Conv2dGradW(W.shape[2:], stride, pad, dilation, groups)(x, gy).data).sum(), value)


@FEW
@given(convolutions(), st.sampled_from(["same", "valid"]))
def test_padding_by_name_is_what_plain_loops_say(case, name):
    x, W, _, how = case
    if name == "valid" and any(n < d * (k - 1) + 1 for n, k, d in zip(x.shape[2:], W.shape[2:], how["dilation"])):
        return
    close(F.conv2d(x, W, **{**how, "pad": name}).data, conv(x, W, **{**how, "pad": name}))


@FEW
@given(convolutions(), st.booleans())
def test_im2col_and_col2im_are_what_plain_loops_say_and_adjoint(case, to_matrix):
    x, W, _, how = case
    how = {**how, "kernel_size": W.shape[2:], "to_matrix": to_matrix}
    del how["groups"]
    col = F.im2col(x, **how)
    close(col.data, im2col(x, **how))
    other = np.random.default_rng(0).standard_normal(col.shape)
    back = F.col2im(other, x.shape, **how)
    close(back.data, col2im(other, x.shape, **how))
    close((col.data * other).sum(), (x * back.data).sum())


@st.composite
def poolings(draw):
    """An image of few numbers, so that there are ties, and windows that fit it."""
    kernel, stride = draw(two), draw(two)
    pad = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    size = [max(1, k - 2 * p) + draw(st.integers(0, 5)) for k, p in zip(kernel, pad)]
    shape = draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size
    x = np.random.default_rng(draw(st.integers(0, 999))).integers(-3, 3, shape).astype(float)
    return x, {"kernel_size": kernel, "stride": stride, "pad": pad, "ceil_mode": draw(st.booleans())}


@FEW
@given(poolings())
def test_pooling_is_what_plain_loops_say(case):
    x, how = case
    close(F.pooling(x, **how).data, pool(x, **how))


@FEW
@given(poolings())
def test_a_window_gives_its_gradient_to_one_pixel_that_is_its_maximum(case):
    x, how = case
    v = Variable(x)
    y = F.pooling(v, **how)
    gy = np.random.default_rng(0).integers(1, 9, y.shape).astype(float)
    gx = grad(y, v, Variable(gy)).data
    assert gx.sum() == gy.sum()
    close((gx * x).sum(), (gy * y.data).sum())


@FEW
@given(poolings(), st.booleans())
def test_average_pooling_is_what_plain_loops_say_and_its_gradient_the_transpose(case, count_include_pad):
    x, how = case
    how["count_include_pad"] = count_include_pad
    v = Variable(x)
    y = F.average_pooling(v, **how)
    close(y.data, average_pool(x, **how))
    gy = np.random.default_rng(0).standard_normal(y.shape)
    close((grad(y, v, Variable(gy)).data * x).sum(), (gy * y.data).sum())
