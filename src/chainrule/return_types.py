"""The named tuples that words with two results return, as PyTorch's ``torch.return_types``."""

from collections import namedtuple
from typing import Any


def shown(pair: Any) -> str:
    """As PyTorch prints them: a line per field."""
    fields = ",\n".join(f"{name}={value!r}" for name, value in zip(pair._fields, pair))
    return f"torch.return_types.{type(pair).__name__}(\n{fields})"


def returned(name: str, *fields: str) -> Any:
    """A named tuple that prints so."""
    kind = namedtuple(name, fields, module=__name__)  # type: ignore[misc]
    return type(name, (kind,), {"__slots__": (), "__repr__": shown, "__module__": __name__})


max = returned("max", "values", "indices")
min = returned("min", "values", "indices")
median = returned("median", "values", "indices")
sort = returned("sort", "values", "indices")
topk = returned("topk", "values", "indices")
aminmax = returned("aminmax", "min", "max")
nanmedian = returned("nanmedian", "values", "indices")
kthvalue = returned("kthvalue", "values", "indices")
mode = returned("mode", "values", "indices")
cummax = returned("cummax", "values", "indices")
cummin = returned("cummin", "values", "indices")
slogdet = returned("slogdet", "sign", "logabsdet")
triangular_solve = returned("triangular_solve", "solution", "cloned_coefficient")
qr = returned("qr", "Q", "R")
svd = returned("svd", "U", "S", "V")
linalg_slogdet = returned("linalg_slogdet", *slogdet._fields)
linalg_eigh = returned("linalg_eigh", "eigenvalues", "eigenvectors")
linalg_qr = returned("linalg_qr", *qr._fields)
linalg_svd = returned("linalg_svd", "U", "S", "Vh")
linalg_lstsq = returned("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
