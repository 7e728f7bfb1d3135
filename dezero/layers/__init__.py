"""Gathers the layers: things called like functions that own the parameters to be learned."""

from __future__ import annotations

from .base import Layer
from .conv import Conv2d, Deconv2d
from .embedding import EmbedID
from .linear import Linear
from .normalization import BatchNorm
from .recurrent import LSTM, RNN

__all__ = ["LSTM", "RNN", "BatchNorm", "Conv2d", "Deconv2d", "EmbedID", "Layer", "Linear"]
