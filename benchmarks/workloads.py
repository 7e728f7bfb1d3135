"""Knows the workloads by name, and what is wanted of each."""

from __future__ import annotations

WANTED = {  # most that dezero's time may be as a share of PyTorch's
    "Goldstein-Price": 0.8,
    "tanh, sixth derivative": 1.0,
    "spiral MLP": 0.6,
    "MNIST MLP": 0.8,
    "LeNet": 1.0,
    "VGG-like": 1.0,
    "LSTM, step by step": 0.7,
    "LSTM, sequence": 1.0,
    "VGG16 inference": 1.0,
    "GPT": 1.0,
    "ResNet-50": 1.2,
    "DataLoader": 0.3,
}
WANTED_MEAN = 0.8  # most that the geometric mean of them all may be
WANTED_WORST = 1.2  # most that any may be
TRAINING = [  # those that may hold at most as much memory as PyTorch
    "spiral MLP",
    "MNIST MLP",
    "LeNet",
    "VGG-like",
    "LSTM, step by step",
    "LSTM, sequence",
    "GPT",
    "ResNet-50",
]
GROWTH = [("depth", 100_000), ("width", 10_000)]  # graphs walked back, and again with ten times the nodes
WANTED_GROWTH = 13.0  # most that ten times the nodes may cost
WANTED_IMPORT = 0.3  # most seconds that ``import dezero`` may take beyond ``import numpy``
