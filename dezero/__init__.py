"""DeZero: a define-by-run deep-learning framework to read, learn from and use."""

from . import arrays, config, core, cuda, functions
from .arrays import as_array
from .config import Config, detect_inplace, no_grad, test_mode, using_config
from .core import Buffer, Function, Parameter, Variable, as_variable, grad
from .functions import setup_variable
