"""Attention."""

import math

from chainrule.creation import ones
from chainrule.nn.functional.dense import dropout
from chainrule.tensors import Tensor


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:
    """softmax(Q Kᵀ · scale + mask) V (Vaswani et al., 2017); a bool mask says which keys take part.

    Queries are [..., L, E], keys [..., S, E], values [..., S, V]; ``is_causal`` lets query i see keys up to i.
    """
    if is_causal and attn_mask is not None:
        raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if enable_gqa:
        times = query.shape[-3] // key.shape[-3]
        key, value = key.repeat_interleave(times, -3), value.repeat_interleave(times, -3)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * factor) @ key.mT
    if is_causal:
        attn_mask = ones(query.shape[-2], key.shape[-2]).tril() > 0
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -math.inf) if attn_mask.np_dtype.kind == "b" else scores + attn_mask
    return dropout(scores.softmax(-1), dropout_p, dropout_p > 0) @ value
