"""Gathers the data sets."""

from .base import Dataset, ImageDataset, collate, load_cache_npz, save_cache_npz
from .cifar import CIFAR10, CIFAR100
from .digits import Digits
from .idx import read_idx
from .imagenet import ImageNet
from .mnist import MNIST, FashionMNIST
from .sequences import Shakespear, Shakespeare, SinCurve
from .spiral import Spiral, get_spiral

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "Dataset",
    "Digits",
    "FashionMNIST",
    "ImageDataset",
    "ImageNet",
    "Shakespear",
    "Shakespeare",
    "SinCurve",
    "Spiral",
    "collate",
    "get_spiral",
    "load_cache_npz",
    "read_idx",
    "save_cache_npz",
]
