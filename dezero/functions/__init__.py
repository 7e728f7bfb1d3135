"""Gathers the functions: one class per op, and the documented function that applies it."""

from .activation import (
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    Softmax,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    sigmoid_simple,
    softmax,
    softmax_simple,
)
from .arithmetic import Add, Div, Mul, Neg, Pow, Sub, VariablePow, add, div, mul, neg, pow, rdiv, rsub, sub
from .dropout import Dropout, dropout
from .elementwise import Abs, Clip, Cos, Exp, Log, Sin, Sqrt, Tanh, abs, clip, cos, exp, log, sin, sqrt, tanh
from .embedding import embed_id
from .linalg import Linear, MatMul, StackedMatMul, linear, linear_simple, matmul
from .loss import (
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyGrad,
    binary_cross_entropy,
    mean_squared_error,
    mean_squared_error_simple,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_simple,
)
from .metrics import accuracy
from .normalization import BatchNorm, BatchNormGrad, batch_norm, batch_nrom
from .operators import setup_variable
from .reduction import (
    BroadcastTo,
    Max,
    Min,
    Sum,
    SumTo,
    average,
    broadcast_to,
    max,
    mean,
    min,
    sum,
    sum_to,
)
from .shape import (
    Cast,
    Concat,
    GetItem,
    GetItemGrad,
    Reshape,
    Transpose,
    cast,
    concat,
    expand_dims,
    flatten,
    get_item,
    reshape,
    transpose,
)

setup_variable()
