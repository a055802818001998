"""chainrule: gradients you can run, compile, read and derive, with PyTorch's API.

>>> import chainrule as torch
>>> w = torch.tensor(2.0, requires_grad=True)
>>> (3 * w**2).backward()
>>> w.grad
tensor(12.)

Names are imported on first use (PEP 562), so that importing the package costs little more than importing NumPy.
"""

import importlib
import math
from typing import Any

__version__ = "0.1.0"

# Where a public name lives, for names that are not simply the words of the vocabulary or the dtypes.
_HOMES = {
    "chainrule.tensors": "Tensor",
    "chainrule.attributes": "Size",
    "chainrule.creation": "tensor as_tensor from_numpy full full_like zeros zeros_like ones ones_like empty empty_like "
    "eye arange linspace set_default_dtype get_default_dtype is_tensor",
    "chainrule.random": "Generator default_generator manual_seed seed initial_seed rand randn rand_like randn_like "
    "randint randint_like randperm normal bernoulli poisson multinomial get_rng_state set_rng_state",
    "chainrule.functional": "where equal allclose",
    "chainrule.contraction": "einsum",
    "chainrule.counting": "bucketize searchsorted isin histc unravel_index combinations logspace scalar_tensor zero_ "
    "polygamma",
    "chainrule.joining": "cat concat concatenate stack hstack vstack row_stack dstack column_stack atleast_1d "
    "atleast_2d atleast_3d broadcast_tensors meshgrid cartesian_prod block_diag tril_indices triu_indices",
    "chainrule.spec": "device memory_format contiguous_format preserve_format channels_last strided",
    "chainrule.autograd.grad_mode": "no_grad enable_grad set_grad_enabled is_grad_enabled inference_mode "
    "is_inference_mode_enabled",
    "chainrule.autograd.anomaly_mode": "is_anomaly_enabled",
    "chainrule.func": "vmap",
    "chainrule.nn.functional": "celu conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
    "cosine_similarity group_norm layer_norm pairwise_distance pixel_shuffle pixel_unshuffle prelu selu",
    "chainrule.dtypes": "can_cast finfo iinfo is_complex is_floating_point is_nonzero numel promote_types result_type",
    "chainrule.legacy": "BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor "
    "ShortTensor",
    "chainrule.threads": "get_num_interop_threads get_num_threads set_num_threads",
    "chainrule.precision": "are_deterministic_algorithms_enabled get_float32_matmul_precision "
    "set_float32_matmul_precision use_deterministic_algorithms",
    "chainrule.printing": "set_printoptions",
    "chainrule.see": "explain",
    "chainrule.derivation": "derive",
    "chainrule.compiler": "compile",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
_ALIASES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32",
            "short": "int16"}
pi, e, inf, nan = math.pi, math.e, math.inf, math.nan


def __getattr__(name: str) -> Any:
    globals()[name] = found = _find(name)
    return found


def _find(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _ALIASES:
        return _find(_ALIASES[name])
    dtypes = importlib.import_module("chainrule.spec")
    if name in dtypes.DTYPES or name == "dtype":
        return dtypes.DTYPES.get(name, dtypes.dtype)
    try:
        return importlib.import_module(f"chainrule.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"chainrule.{name}":
            raise
    functional = importlib.import_module("chainrule.functional")
    if name in functional.words():
        return functional.function(name)
    missing = importlib.import_module("chainrule.errors").MissingName
    raise missing(f"module 'torch' (chainrule) has no attribute {name!r}: either PyTorch has no such name, or "
                  "chainrule does not have it yet", name=name) from None


def __dir__() -> list[str]:
    words = importlib.import_module("chainrule.functional").words()
    dtypes = importlib.import_module("chainrule.spec").DTYPES
    return sorted({*globals(), *_HOME, *_ALIASES, *words, *dtypes})
