"""Hooks change gradients before an update, in arrays of their own."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.core import Parameter, Variable
from dezero.cuda import as_numpy
from dezero.layers import BatchNorm, Layer, Linear
from dezero.optimizers import SGD, ClipGrad, FreezeParam, WeightDecay
from strict_device import no_sync


def make(xp, data, grad, dtype=np.float32):
    param = Parameter(xp.asarray(np.array(data, dtype)))
    param.grad = Variable(xp.asarray(np.array(grad, dtype)))
    return param


def test_weight_decay_adds_rate_times_data(xp, way):
    p = make(xp, [1.0, -2.0], [0.5, 0.5])
    with no_sync():
        WeightDecay(0.1)([p])
    assert np.allclose(as_numpy(p.grad), [0.6, 0.3])
    assert p.grad.dtype == np.float32
    assert as_numpy(p).tolist() == [1.0, -2.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_clipping_goes_by_the_norm_of_all_gradients_together(xp, dtype):
    a, b = make(xp, [0, 0], [3, 0], dtype), make(xp, [[0]], [[4]], dtype)
    with no_sync():
        ClipGrad(1.0)([a, b])
    assert np.allclose(as_numpy(a.grad), [0.6, 0], atol=1e-3)
    assert np.allclose(as_numpy(b.grad), [[0.8]], atol=1e-3)
    assert a.grad.dtype == b.grad.dtype == dtype


def test_short_gradients_are_not_lengthened(xp):
    p = make(xp, [0, 0], [0.3, 0.4])
    ClipGrad(1.0)([p])
    assert np.array_equal(as_numpy(p.grad), np.array([0.3, 0.4], np.float32))


def test_clipping_takes_parameters_of_several_dtypes_and_0_d_ones(xp):
    a, b = make(xp, 0, 3, np.float64), make(xp, [0], [4], np.float32)
    ClipGrad(1.0)([a, b])
    assert (a.grad.shape, a.grad.dtype, b.grad.dtype) == ((), np.float64, np.float32)
    assert np.allclose([as_numpy(a.grad), as_numpy(b.grad)[0]], [0.6, 0.8])


def test_squares_of_float16_do_not_overflow(xp):
    p = make(xp, [0], [1000], np.float16)
    ClipGrad(10)([p])
    assert np.allclose(as_numpy(p.grad), [10], rtol=1e-2)


def test_clipping_nothing_is_fine():
    assert ClipGrad(1.0)([]) is None


def test_clipping_matches_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    grads = [rng.standard_normal(shape).astype(np.float32) for shape in ((3, 4), (5,))]
    ours = [make(np, np.zeros_like(g), g) for g in grads]
    theirs = [torch.nn.Parameter(torch.zeros(g.shape)) for g in grads]
    for p, g in zip(theirs, grads):
        p.grad = torch.tensor(g)
    ClipGrad(0.7)(ours)
    torch.nn.utils.clip_grad_norm_(theirs, 0.7)
    for p, q in zip(ours, theirs):
        assert np.allclose(p.grad.data, q.grad.numpy(), atol=1e-7)


@pytest.mark.parametrize("hook", [WeightDecay(0.5), ClipGrad(0.1)], ids=["WeightDecay", "ClipGrad"])
def test_a_gradient_that_somebody_else_holds_is_left_alone(xp, way, hook):
    p, q = make(xp, [1.0], [2.0]), make(xp, [3.0], [2.0])
    q.grad = shared = p.grad
    hook([p, q])
    assert as_numpy(shared).tolist() == [2.0]
    assert p.grad is not shared and q.grad is not shared and p.grad.data is not q.grad.data


def test_running_statistics_get_no_decay_and_do_not_count_for_the_norm():
    layer = BatchNorm()
    optimizer = SGD(1.0).setup(layer)
    seen = []
    optimizer.add_hook(seen.extend)
    optimizer.add_hook(WeightDecay(0.1))
    layer(np.random.default_rng(0).standard_normal((4, 2))).sum().backward()
    mean = layer.avg_mean.data.copy()
    optimizer.update()
    assert seen == [layer.gamma, layer.beta]
    assert np.array_equal(layer.avg_mean.data, mean)


def test_frozen_layers_and_parameters_stay_as_they_are(xp):
    net = Layer()
    net.a, net.b, net.p, net.q = Layer(), Layer(), make(xp, [1], [1]), make(xp, [1], [1])
    net.a.W, net.a.inner = make(xp, [1], [1]), Layer()
    net.a.inner.W, net.b.W = make(xp, [1], [1]), make(xp, [1], [1])
    optimizer = SGD(1.0).setup(net)
    optimizer.add_hook(FreezeParam(net.a, net.p))
    optimizer.add_hook(WeightDecay(0.0))  # comes after, and meets none of the frozen ones
    optimizer.add_hook(ClipGrad(100.0))
    optimizer.update()
    moved = [name for name, p in net.named_params() if as_numpy(p)[0] != 1]
    assert moved == ["q", "b/W"] or moved == ["b/W", "q"]


def test_a_frozen_layer_is_looked_up_anew():
    layer = Linear(1, in_size=1)
    hook = FreezeParam(layer)
    layer.W = make(np, [[1]], [[1]])
    hook([layer.W])
    assert layer.W.grad is None


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="WeightDecay: rate must be at least 0, got -1"):
        WeightDecay(-1)
    with pytest.raises(ValueError, match="ClipGrad: max_norm must be above 0, got 0"):
        ClipGrad(0)
    with pytest.raises(TypeError, match="FreezeParam takes Layers and Parameters, got str"):
        FreezeParam(Linear(1), "l1")


@pytest.mark.parametrize("hook", [WeightDecay(0.5), ClipGrad(0.1)], ids=["WeightDecay", "ClipGrad"])
def test_large_gradients_change_as_small_ones_do(way, hook):
    rng = np.random.default_rng(0)
    data, grad = rng.standard_normal((2, 600, 1000))
    whole = make(np, data, grad)
    rows = [make(np, d, g) for d, g in zip(np.split(data, 100), np.split(grad, 100))]
    hook([whole])
    hook(rows)
    assert np.allclose(whole.grad.data, np.concatenate([p.grad.data for p in rows]), rtol=1e-5, atol=0)
    assert whole.grad.dtype == np.float32


def test_clipping_leaves_short_gradients_as_they_are_and_hides_no_missing_number():
    p, q = make(np, [0, 0], [0.3, 0.4]), make(np, [0, 0], [np.nan, 0.4])
    before = p.grad
    ClipGrad(1.0)([p])
    assert p.grad is before
    ClipGrad(1.0)([q])
    assert np.isnan(q.grad.data).all()
