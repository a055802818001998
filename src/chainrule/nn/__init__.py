"""``torch.nn``: modules, layers, losses; their functions in ``functional``, initial values in ``init``."""

from chainrule.nn import functional, init, utils
from chainrule.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from chainrule.nn.convolution import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    Conv1d,
    Conv2d,
    MaxPool1d,
    MaxPool2d,
)
from chainrule.nn.dense import (
    AlphaDropout,
    Bilinear,
    Dropout,
    Dropout1d,
    Dropout2d,
    Embedding,
    Flatten,
    Identity,
    Linear,
    PReLU,
    Softmax2d,
    Unflatten,
)
from chainrule.nn.from_function import *  # noqa: F403 - one class per function; the module's __all__ lists them
from chainrule.nn.module import Module
from chainrule.nn.normalization import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm2d, LayerNorm, RMSNorm
from chainrule.nn.parameter import Buffer, Parameter
from chainrule.nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNBase, RNNCell
