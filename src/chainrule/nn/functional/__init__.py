"""``torch.nn.functional``: layers as functions of their inputs and weights, each composed of the vocabulary's words."""

from chainrule.nn.functional.activation import (
    celu, elu, gelu, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, log_softmax, logsigmoid, mish, normalize, prelu, relu, relu6, relu_, selu, sigmoid, silu, softmax, softmin, softplus, softshrink, softsign, tanh, tanhshrink, threshold,
)
from chainrule.nn.functional.dense import alpha_dropout, bilinear, dropout, dropout1d, dropout2d, embedding, linear, one_hot
from chainrule.nn.functional.loss import (
    binary_cross_entropy, binary_cross_entropy_with_logits, cosine_embedding_loss, cosine_similarity, cross_entropy,
    gaussian_nll_loss, hinge_embedding_loss, huber_loss, kl_div, l1_loss, margin_ranking_loss, mse_loss, nll_loss, pairwise_distance, poisson_nll_loss, smooth_l1_loss, soft_margin_loss, triplet_margin_loss,
)
from chainrule.nn.functional.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
