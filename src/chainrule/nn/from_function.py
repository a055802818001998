"""Layers that only keep a function's settings: activations and losses, made from the functions' own signatures."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import chainrule.nn.functional as F
from chainrule.nn.module import Module
from chainrule.tensors import Tensor


class Function(Module):
    """A module whose settings are the parameters of ``function`` after its input tensors."""

    function: ClassVar[Callable[..., Any]]
    settings: ClassVar[inspect.Signature]
    prints: ClassVar[str]
    """How settings are printed: ``"named"``, ``"bare"`` or ``""``, not at all."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
        try:
            bound = self.settings.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}; its parameters are {self.settings}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if name in ("weight", "pos_weight"):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, *inputs: Tensor) -> Tensor:
        return type(self).function(*inputs, **{  # type: ignore[no-any-return]
            name: getattr(self, name) for name in self.settings.parameters})

    def extra_repr(self) -> str:
        if self.prints == "bare":
            return ", ".join(str(getattr(self, name)) for name in self.settings.parameters)
        shown = {name: getattr(self, name) for name in self.settings.parameters if self.prints}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items() if name != "inplace" or value)


def module_of(name: str, function: Callable[..., Any], tensors: int = 1, without: tuple[str, ...] = (),
              prints: str = "named", **defaults: Any) -> Any:
    """A module class around ``function``, whose first parameters are ``tensors`` inputs of ``forward``."""
    signature = inspect.signature(function)
    kept = [p.replace(kind=p.POSITIONAL_OR_KEYWORD, default=defaults.get(p.name, p.default))
            for p in list(signature.parameters.values())[tensors:] if p.name not in without]
    doc = f"``nn.functional.{function.__name__}`` as a module: {function.__doc__}"
    return type(name, (Function,), {"function": staticmethod(function), "settings": inspect.Signature(kept),
                                    "prints": prints, "__doc__": doc, "__module__": __name__})


ReLU = module_of("ReLU", F.relu)
ReLU6 = module_of("ReLU6", F.relu6)
LeakyReLU = module_of("LeakyReLU", F.leaky_relu)
ELU = module_of("ELU", F.elu)
CELU = module_of("CELU", F.celu)
SELU = module_of("SELU", F.selu)
GELU = module_of("GELU", F.gelu)
SiLU = module_of("SiLU", F.silu)
Mish = module_of("Mish", F.mish)
Sigmoid = module_of("Sigmoid", F.sigmoid)
Tanh = module_of("Tanh", F.tanh)
Softplus = module_of("Softplus", F.softplus)
Softsign = module_of("Softsign", F.softsign)
LogSigmoid = module_of("LogSigmoid", F.logsigmoid)
Tanhshrink = module_of("Tanhshrink", F.tanhshrink)
Hardshrink = module_of("Hardshrink", F.hardshrink, prints="bare")
Softshrink = module_of("Softshrink", F.softshrink, prints="bare")
Hardsigmoid = module_of("Hardsigmoid", F.hardsigmoid, prints="")
Hardswish = module_of("Hardswish", F.hardswish, prints="")
Hardtanh = module_of("Hardtanh", F.hardtanh)
Threshold = module_of("Threshold", F.threshold)
Softmax = module_of("Softmax", F.softmax, without=("_stacklevel", "dtype"))
Softmin = module_of("Softmin", F.softmin, without=("_stacklevel", "dtype"))
LogSoftmax = module_of("LogSoftmax", F.log_softmax, without=("_stacklevel", "dtype"))
GLU = module_of("GLU", F.glu)
PixelShuffle = module_of("PixelShuffle", F.pixel_shuffle)
PixelUnshuffle = module_of("PixelUnshuffle", F.pixel_unshuffle)
Unfold = module_of("Unfold", F.unfold)
Fold = module_of("Fold", F.fold)

MSELoss = module_of("MSELoss", F.mse_loss, 2, ("weight",), "")
L1Loss = module_of("L1Loss", F.l1_loss, 2, ("weight",), "")
SmoothL1Loss = module_of("SmoothL1Loss", F.smooth_l1_loss, 2, (), "")
HuberLoss = module_of("HuberLoss", F.huber_loss, 2, ("weight",), "")
CrossEntropyLoss = module_of("CrossEntropyLoss", F.cross_entropy, 2, (), "")
NLLLoss = module_of("NLLLoss", F.nll_loss, 2, (), "")
BCELoss = module_of("BCELoss", F.binary_cross_entropy, 2, (), "")
BCEWithLogitsLoss = module_of("BCEWithLogitsLoss", F.binary_cross_entropy_with_logits, 2, (), "")
KLDivLoss = module_of("KLDivLoss", F.kl_div, 2, (), "")
PoissonNLLLoss = module_of("PoissonNLLLoss", F.poisson_nll_loss, 2, (), "")
GaussianNLLLoss = module_of("GaussianNLLLoss", F.gaussian_nll_loss, 3, (), "")
HingeEmbeddingLoss = module_of("HingeEmbeddingLoss", F.hinge_embedding_loss, 2, (), "")
MarginRankingLoss = module_of("MarginRankingLoss", F.margin_ranking_loss, 3, (), "")
SoftMarginLoss = module_of("SoftMarginLoss", F.soft_margin_loss, 2, (), "")
MultiMarginLoss = module_of("MultiMarginLoss", F.multi_margin_loss, 2, (), "")
MultiLabelSoftMarginLoss = module_of("MultiLabelSoftMarginLoss", F.multilabel_soft_margin_loss, 2, (), "")
CosineEmbeddingLoss = module_of("CosineEmbeddingLoss", F.cosine_embedding_loss, 3, (), "")
TripletMarginLoss = module_of("TripletMarginLoss", F.triplet_margin_loss, 3, (), "")
CosineSimilarity = module_of("CosineSimilarity", F.cosine_similarity, 2, (), "")
PairwiseDistance = module_of("PairwiseDistance", F.pairwise_distance, 2, (), "")
