"""Knows how the weights of a PyTorch network with the same names of layers get into one of ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from dezero.layers import BatchNorm, Layer, Linear

OURS = {"weight": "W", "bias": "b"}
OF_BATCH_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "avg_mean", "running_var": "avg_var"}


def take_weights(model: Layer, torch_model: Any) -> None:
    """Lets every parameter and buffer of ``model`` be that of ``torch_model`` of the same name, without copying."""
    layers = dict(model.named_layers())
    waiting = set(model._weights())
    for path, tensor in torch_model.state_dict().items():
        *names, kind = path.split(".")
        if kind == "num_batches_tracked":
            continue
        layer = layers["/".join(names)]
        name = (OF_BATCH_NORM if isinstance(layer, BatchNorm) else OURS)[kind]
        array = tensor.detach().numpy()
        array = array.T if isinstance(layer, Linear) and kind == "weight" else array
        assert getattr(layer, name).shape == array.shape
        getattr(layer, name).data = array
        waiting.remove("/".join([*names, name]))
    assert not waiting


def shake_statistics(torch_model: Any, rng: np.random.Generator) -> None:
    """Makes gammas, betas and running statistics something else than ones and zeros."""
    for path, tensor in torch_model.state_dict().items():
        if path.rpartition(".")[2] != "num_batches_tracked" and ".bn" in "." + path:
            low, high = (0.5, 1.5) if path.endswith(("weight", "running_var")) else (-0.3, 0.3)
            tensor.copy_(tensor.new_tensor(rng.uniform(low, high, tensor.shape)))
