"""Recurrent layers: Elman's RNN, the GRU and the LSTM, and their single steps."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import chainrule.nn.functional as F
from chainrule.errors import ShapeError
from chainrule.joining import cat, stack
from chainrule.nn import init
from chainrule.nn.dense import uninitialized
from chainrule.nn.module import Module
from chainrule.nn.utils.rnn import PackedSequence
from chainrule.spec import shown
from chainrule.tensors import Tensor

Weights = tuple[Any, ...]
State = tuple[Tensor, ...]


def rnn_step(nonlinearity: str) -> Callable[[Tensor, State, Weights], State]:
    """h ← tanh(W x + b + U h + c), or relu of it."""

    def step(x: Tensor, state: State, weights: Weights) -> State:
        w_ih, w_hh, b_ih, b_hh = weights
        total = F.linear(x, w_ih, b_ih) + F.linear(state[0], w_hh, b_hh)
        return (total.tanh() if nonlinearity == "tanh" else total.relu(),)

    return step


def lstm_step(x: Tensor, state: State, weights: Weights) -> State:
    """c ← f · c + i · g and h ← o · tanh(c), gates i, f, g, o (Hochreiter and Schmidhuber, 1997; Gers et al., 2000)."""
    w_ih, w_hh, b_ih, b_hh = weights
    hidden, cell = state
    i, f, g, o = (F.linear(x, w_ih, b_ih) + F.linear(hidden, w_hh, b_hh)).chunk(4, -1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def gru_step(x: Tensor, state: State, weights: Weights) -> State:
    """n = tanh(Wx + b + r · (Uh + c)), h ← (1 − z) · n + z · h, gates r, z (Cho et al., 2014)."""
    w_ih, w_hh, b_ih, b_hh = weights
    (hidden,) = state
    x_r, x_z, x_n = F.linear(x, w_ih, b_ih).chunk(3, -1)
    h_r, h_z, h_n = F.linear(hidden, w_hh, b_hh).chunk(3, -1)
    n = (x_n + (x_r + h_r).sigmoid() * h_n).tanh()
    return (n + (x_z + h_z).sigmoid() * (hidden - n),)


class _Recurrent(Module):
    """What layers and cells share: ``step`` from an input and a state to the next state, and initial values."""

    hidden_size: int
    gates = 1
    states = 1
    step: Any

    def reset_parameters(self) -> None:
        """Draw new initial values, uniform in ±1 / √hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)


class RNNBase(_Recurrent):
    """What recurrent layers share: parameters per layer and direction, and the walk over time."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
                 dtype: Any = None):
        super().__init__()
        if not 0 <= dropout <= 1:
            raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element "
                             "being zeroed")
        if dropout > 0 and num_layers == 1:
            warnings.warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                          f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                          stacklevel=3)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self._weight_names: list[list[str]] = []
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * (1 + bidirectional)
            for suffix in ("", "_reverse")[: 1 + bidirectional]:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (self.gates * hidden_size, width),
                                                      "weight_hh": (self.gates * hidden_size, hidden_size)}
                if bias:
                    shapes |= {"bias_ih": (self.gates * hidden_size,), "bias_hh": (self.gates * hidden_size,)}
                names = [f"{name}_l{layer}{suffix}" for name in shapes]
                for name, shape in zip(names, shapes.values()):
                    setattr(self, name, uninitialized(*shape, dtype=dtype))
                self._weight_names.append(names)
        self.reset_parameters()

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch's preparation for a GPU library."""

    def _weights(self, number: int) -> Weights:
        return (*(getattr(self, name) for name in self._weight_names[number]), *(() if self.bias else (None, None)))

    def forward(self, input: Any, hx: Any = None) -> Any:
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        if input.ndim not in (2, 3):
            raise ShapeError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D tensor instead")
        lone = input.ndim == 2
        time = 1 if self.batch_first and not lone else 0
        steps = list(input.unsqueeze(1).unbind(0) if lone else input.unbind(time))
        steps, final = self._walk(steps, hx, lone)
        out = stack(steps, time)
        if lone:
            out, final = out.squeeze(1), tuple(s.squeeze(1) for s in final)
        return out, final if self.states > 1 else final[0]

    def _packed(self, input: PackedSequence, hx: Any) -> Any:
        """Sequences of different lengths; states are in the order in which they were before they were sorted."""
        data, sizes, order, back = input
        if hx is not None and order is not None:
            states = tuple(s.index_select(1, order) for s in (hx if self.states > 1 else (hx,)))
            hx = states if self.states > 1 else states[0]
        steps, final = self._walk(list(data.split(sizes.tolist())), hx, False)
        if back is not None:
            final = tuple(s.index_select(1, back) for s in final)
        return PackedSequence(cat(steps), sizes, order, back), final if self.states > 1 else final[0]

    def _walk(self, steps: list[Tensor], hx: Any, lone: bool) -> tuple[list[Tensor], State]:
        """Outputs and last states, from the inputs of each step; a step may have fewer rows than the one before."""
        if not steps:
            raise RuntimeError(f"{type(self).__name__}: Expected sequence length to be larger than 0 in RNN")
        if steps[0].shape[-1] != self.input_size:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{steps[0].shape[-1]}: the input's shape at a step is {shown(steps[0].shape)}")
        sizes = [x.shape[0] for x in steps]
        directions = 1 + self.bidirectional
        given = self._initial(hx, steps[0], self.num_layers * directions, lone)
        ends: list[State] = []
        for layer in range(self.num_layers):
            runs = []
            for direction in range(directions):
                number = layer * directions + direction
                weights, first = self._weights(number), tuple(s[number] for s in given)
                state, outs, ended = tuple(s[: sizes[-1]] for s in first) if direction else first, [], list[State]()
                for x in steps[::-1] if direction else steps:
                    rows, had = x.shape[0], state[0].shape[0]
                    if rows < had:  # sequences that are over
                        ended.insert(0, tuple(s[rows:] for s in state))
                        state = tuple(s[:rows] for s in state)
                    elif rows > had:  # sequences that begin, from the back
                        state = tuple(cat([s, f[had:rows]]) for s, f in zip(state, first))
                    state = self.step(x, state, weights)
                    outs.append(state[0])
                ends.append(tuple(cat(parts) for parts in zip(state, *ended)) if ended else state)
                runs.append(outs[::-1] if direction else outs)
            steps = runs[0] if directions == 1 else [cat(pair, -1) for pair in zip(*runs)]
            if self.dropout and self.training and layer < self.num_layers - 1:
                steps = list(F.dropout(cat(steps), self.dropout).split(sizes))
        return steps, tuple(stack([end[k] for end in ends]) for k in range(self.states))

    def _initial(self, hx: Any, first: Tensor, count: int, lone: bool) -> State:
        """The states before the first step, each [layers · directions, batch, hidden]."""
        expected = (count, first.shape[0], self.hidden_size)
        if hx is None:
            return (first.new_zeros(expected),) * self.states
        given: State = tuple(hx) if self.states > 1 else (hx,)
        given = tuple(s.unsqueeze(1) for s in given) if lone else given
        for state in given:
            if tuple(state.shape) != expected:
                raise RuntimeError(f"Expected hidden size {expected}, got {list(state.shape)}")
        return given

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        plain = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        return text + "".join(f", {name}={getattr(self, name)}" for name, usual in plain.items()
                              if getattr(self, name) != usual)


class RNN(RNNBase):
    """Elman's network (1990), over sequences [T, N, E] or, ``batch_first``, [N, T, E]."""

    def __init__(self, *args: Any, nonlinearity: str = "tanh", **kwargs: Any):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(*args, **kwargs)
        self.nonlinearity = nonlinearity
        self.step = rnn_step(nonlinearity)


class LSTM(RNNBase):
    """Long short-term memory; gives outputs and the last (h, c)."""

    gates = 4
    states = 2
    step = staticmethod(lstm_step)


class GRU(RNNBase):
    """Gated recurrent units; gives outputs and the last h."""

    gates = 3
    step = staticmethod(gru_step)


class _Cell(_Recurrent):
    """One step of a recurrent layer."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.weight_ih = uninitialized(self.gates * hidden_size, input_size, dtype=dtype)
        self.weight_hh = uninitialized(self.gates * hidden_size, hidden_size, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            if bias:
                setattr(self, name, uninitialized(self.gates * hidden_size, dtype=dtype))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        if input.ndim not in (1, 2):
            raise ValueError(f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        if hx is None:
            state: State = (input.new_zeros((*input.shape[:-1], self.hidden_size)),) * self.states
        else:
            state = tuple(hx) if self.states > 1 else (hx,)
        after = self.step(input, state, (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh))
        return after if self.states > 1 else after[0]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One step of Elman's network."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
                 device: Any = None, dtype: Any = None):
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity
        self.step = rnn_step(nonlinearity)


class LSTMCell(_Cell):
    """One step of an LSTM: (h, c) from x and (h, c)."""

    gates = 4
    states = 2
    step = staticmethod(lstm_step)


class GRUCell(_Cell):
    """One step of a GRU."""

    gates = 3
    step = staticmethod(gru_step)
