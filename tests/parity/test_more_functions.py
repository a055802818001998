"""Functions of images, volumes and tables, and words of statistics: values and gradients as in torch."""

import pytest


def test_same_as_torch(both, program):
    both(program, rel=1e-4, abs=1e-5)


def drawn(torch, *shapes):
    torch.manual_seed(0)
    return [torch.randn(*shape, requires_grad=True) for shape in shapes]


def with_gradients(torch, out, *leaves):
    (out * torch.arange(out.numel()).reshape(out.shape)).sum().backward()
    return out, [x.grad for x in leaves]


def transposed_convolution(torch):
    x, w, b = drawn(torch, (2, 4, 3, 3), (4, 3, 3, 2), (6,))
    out = torch.nn.functional.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1, groups=2)
    return with_gradients(torch, out, x, w, b)


def transposed_convolution_of_sequences(torch):
    x, w = drawn(torch, (4, 5), (4, 2, 3))
    return with_gradients(torch, torch.nn.functional.conv_transpose1d(x, w, dilation=2), x, w)


def convolution_of_volumes(torch):
    x, w, b = drawn(torch, (1, 2, 4, 3, 3), (3, 2, 2, 2, 2), (3,))
    return with_gradients(torch, torch.nn.functional.conv3d(x, w, b, padding=1, stride=(1, 2, 1)), x, w, b)


def resized(torch):
    f = torch.nn.functional.interpolate
    (x,) = drawn(torch, (1, 2, 3, 4))
    outs = [f(x, size=(5, 7), mode=mode, align_corners=align) for mode in ("bilinear", "bicubic")
            for align in (False, True)]  # fmt: skip
    outs += [f(x, scale_factor=s, mode=mode) for s in (2, 0.5, 1.7) for mode in ("nearest", "nearest-exact", "area")]
    sum((out**2).sum() for out in outs).backward()
    return outs, x.grad


def shuffled_pixels(torch):
    x = torch.arange(32.0).reshape(1, 8, 2, 2)
    out = torch.nn.functional.pixel_shuffle(x, 2)
    return out, torch.nn.functional.pixel_unshuffle(out, 2).equal(x)


def pooled_in_new_ways(torch):
    f = torch.nn.functional
    x, v = drawn(torch, (2, 3, 7, 5), (1, 2, 4, 4, 4))
    best, places = f.adaptive_max_pool2d(x, (3, 2), return_indices=True)
    outs = [best, f.adaptive_max_pool1d(x[0], 4), f.max_pool3d(v, 2), f.avg_pool3d(v, 2, 1, 1),
            f.adaptive_avg_pool3d(v, 3),
            f.local_response_norm(x, 2)]  # fmt: skip
    sum((out**2).sum() for out in outs).backward()
    return outs, places, x.grad, v.grad


def bags_of_embeddings(torch):
    f = torch.nn.functional.embedding_bag
    (w,) = drawn(torch, (6, 3))
    i, starts = torch.tensor([1, 2, 4, 5, 4, 3]), torch.tensor([0, 2, 2, 5])
    outs = [f(i, w, starts, mode=mode) for mode in ("sum", "mean", "max")]
    outs += [f(i.reshape(2, 3), w), f(i, w, starts, mode="sum", per_sample_weights=torch.arange(6.0)),
             f(i, w, starts, padding_idx=4)]  # fmt: skip
    sum((out**2).sum() for out in outs).backward()
    return outs, w.grad


def losses_of_margins(torch):
    f = torch.nn.functional
    (x,) = drawn(torch, (3, 4))
    y = torch.tensor([0, 3, 1])
    losses = [f.multi_margin_loss(x, y), f.multi_margin_loss(x, y, p=2, margin=0.5, weight=torch.arange(4.0)),
              f.multilabel_soft_margin_loss(x, torch.ones(3, 4).tril())]  # fmt: skip
    sum(losses).backward()
    return losses, x.grad


def quantiles(torch):
    (x,) = drawn(torch, (3, 5))
    q = torch.tensor([0.1, 0.5, 0.9])
    outs = [x.quantile(q, dim=1, interpolation=how) for how in ("linear", "lower", "higher", "nearest", "midpoint")]
    outs += [x.quantile(0.3), x.nanquantile(q, 0, True), x.kthvalue(2, 0)[0], x.mode(1)[0], x.cummax(1)[0], x.nansum()]
    sum((out**2).sum() for out in outs).backward()
    return outs, x.grad, x.mode(0)[1], x.cummin(0)[1]


def statistics(torch):
    x, y = drawn(torch, (3, 5), (2, 5))
    outs = [x.cov(), x.corrcoef(), torch.cdist(x, y), torch.cdist(x, y, p=1), x.diff(n=2), torch.trapezoid(x, dx=0.5),
            torch.cumulative_trapezoid(x, dim=0), x.renorm(2, 0, 1.0), torch.dist(x[0], y[0]), x[:, :3].trace(),
            torch.kron(x, y), torch.cross(x[:, :3], x[:, 1:4], dim=1), x.logcumsumexp(1)]  # fmt: skip
    sum((out**2).sum() for out in outs).backward()
    return outs, x.grad, y.grad


def looked_up(torch):
    edges, x = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([[3.0, 9.0], [0.5, 1.0]])
    return (torch.bucketize(x, edges), torch.searchsorted(edges, x, right=True), torch.isin(x, edges),
            torch.histc(x, 4, 0, 10), torch.unravel_index(torch.tensor([5, 7]), (2, 4)), torch.logspace(0, 2, 3),
            torch.combinations(torch.arange(4)), torch.combinations(torch.arange(3), 2, True),
            torch.scalar_tensor(2), torch.histc(x))  # fmt: skip


@pytest.mark.parametrize("call", [
    lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2), size=3, scale_factor=2),
    lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2), size=3, align_corners=True),
    lambda t: t.nn.functional.interpolate(t.ones(1, 1, 2), size=3, mode="bilinear"),
    lambda t: t.nn.functional.pixel_shuffle(t.ones(1, 3, 2, 2), 2),
    lambda t: t.nn.functional.conv_transpose1d(t.ones(1, 2, 3), t.ones(3, 1, 2)),
    lambda t: t.nn.functional.conv_transpose1d(t.ones(1, 2, 3), t.ones(2, 1, 2), output_padding=1),
    lambda t: t.nn.functional.embedding_bag(t.tensor([1]), t.ones(2, 2)),
    lambda t: t.ones(3).quantile(2.0, interpolation="none"), lambda t: t.ones(3).kthvalue(4),
    lambda t: t.histc(t.ones(2), 0), lambda t: t.cross(t.ones(2), t.ones(2)), lambda t: t.ones(2).trace()])  # fmt: skip
def test_what_is_refused(both, call):
    both(call)
