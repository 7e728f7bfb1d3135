"""Gathers the layers: things called like functions that own the parameters to be learned."""

from __future__ import annotations

from .activation import (
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .attention import MultiHeadAttention
from .base import Layer
from .containers import Identity, Lambda, LayerDict, LayerList
from .conv import Conv1d, Conv2d, Deconv1d, Deconv2d
from .costs import Summary, summary
from .dropout import Dropout, Dropout2d
from .embedding import EmbedID
from .linear import Bilinear, Linear
from .normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from .pooling import (
    AdaptiveAveragePooling,
    AdaptiveMaxPooling,
    AveragePooling,
    GlobalAveragePooling,
    GlobalMaxPooling,
    MaxPooling,
    Upsample,
)
from .recurrent import GRU, LSTM, RNN
from .reshaping import Flatten, Reshape
from .sequence import StackedGRU, StackedLSTM, StackedRNN
from .transformer import FeedForward, TransformerBlock

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "SELU",
    "AdaptiveAveragePooling",
    "AdaptiveMaxPooling",
    "AveragePooling",
    "BatchNorm",
    "Bilinear",
    "Conv1d",
    "Conv2d",
    "Deconv1d",
    "Deconv2d",
    "Dropout",
    "Dropout2d",
    "EmbedID",
    "FeedForward",
    "Flatten",
    "GlobalAveragePooling",
    "GlobalMaxPooling",
    "GroupNorm",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNorm",
    "Lambda",
    "Layer",
    "LayerDict",
    "LayerList",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MaxPooling",
    "Mish",
    "MultiHeadAttention",
    "PReLU",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StackedGRU",
    "StackedLSTM",
    "StackedRNN",
    "Summary",
    "Tanh",
    "TransformerBlock",
    "Upsample",
    "summary",
]
