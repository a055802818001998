"""Multi-head attention and the encoder of the transformer (Vaswani et al., 2017)."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import chainrule.nn.functional as F
from chainrule.nn import init
from chainrule.nn.containers import ModuleList
from chainrule.nn.dense import Dropout, Linear, uninitialized
from chainrule.nn.module import Module
from chainrule.nn.normalization import LayerNorm
from chainrule.tensors import Tensor


class NonDynamicallyQuantizableLinear(Linear):
    """``Linear``, under the name that PyTorch prints for it."""


class MultiheadAttention(Module):
    """Attention by several heads side by side, each on its own projection of queries, keys and values."""

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 batch_first: bool = False, device: Any = None, dtype: Any = None):
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ValueError(f"embed_dim must be divisible by num_heads, both above 0, got {embed_dim} and {num_heads}")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.in_proj_weight = uninitialized(3 * embed_dim, embed_dim, dtype=dtype)
        if bias:
            self.in_proj_bias = uninitialized(3 * embed_dim, dtype=dtype)
        else:
            self.register_parameter("in_proj_bias", None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, dtype=dtype)
        init.xavier_uniform_(self.in_proj_weight)
        if bias:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The attended values, and the attention weights if they are wanted.

        In a bool mask True means: takes no part. Sequences are [L, N, E] or, ``batch_first``, [N, L, E].
        """
        lone = query.ndim == 2
        first = self.batch_first and not lone
        q, k, v = (x.unsqueeze(1) if lone else x.transpose(0, 1) if first else x for x in (query, key, value))
        length, batch, width = q.shape
        heads, size = self.num_heads, width // self.num_heads
        weights = self.in_proj_weight.chunk(3)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        q, k, v = (F.linear(x, w, b).reshape((-1, batch, heads, size)).permute(1, 2, 0, 3)
                   for x, w, b in zip((q, k, v), weights, biases))
        scores = (q * size**-0.5) @ k.mT
        if attn_mask is not None:
            shown = attn_mask.reshape((batch, heads, length, -1)) if attn_mask.ndim == 3 else attn_mask
            scores = _masked(scores, shown)
        if key_padding_mask is not None:
            scores = _masked(scores, key_padding_mask.reshape((batch, 1, 1, -1)))
        shares = F.dropout(scores.softmax(-1), self.dropout, self.training)
        out = (shares @ v).permute(2, 0, 1, 3).reshape((length, batch, width))
        out = self.out_proj(out)
        out = out.squeeze(1) if lone else out.transpose(0, 1) if first else out
        if not need_weights:
            return out, None
        seen = shares.mean(1) if average_attn_weights else shares
        return out, seen.squeeze(0) if lone else seen


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    return scores.masked_fill(mask, float("-inf")) if mask.np_dtype.kind == "b" else scores + mask


class TransformerEncoderLayer(Module):
    """Self-attention and two linear layers, each with dropout, a way around it, and layer norm after (or before)."""

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ):
        super().__init__()
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first, dtype=dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        if isinstance(activation, str) and activation not in ("relu", "gelu"):
            raise RuntimeError(f"activation should be relu/gelu, not {activation}")
        self.activation = getattr(F, activation) if isinstance(activation, str) else activation

    def forward(self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                is_causal: bool = False) -> Tensor:
        def attended(x: Tensor) -> Tensor:
            out, _ = self.self_attn(x, x, x, src_key_padding_mask, False, src_mask)
            return self.dropout1(out)  # type: ignore[no-any-return]

        def fed(x: Tensor) -> Tensor:
            inner = self.dropout(self.activation(self.linear1(x)))
            return self.dropout2(self.linear2(inner))  # type: ignore[no-any-return]

        if self.norm_first:
            x = src + attended(self.norm1(src))
            return x + fed(self.norm2(x))
        x = self.norm1(src + attended(src))
        return self.norm2(x + fed(x))  # type: ignore[no-any-return]


class TransformerEncoder(Module):
    """A stack of copies of one encoder layer."""

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
                 enable_nested_tensor: bool = True, mask_check: bool = True):
        super().__init__()
        self.layers = ModuleList([deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                is_causal: bool | None = None) -> Tensor:
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask)
        return src if self.norm is None else self.norm(src)
