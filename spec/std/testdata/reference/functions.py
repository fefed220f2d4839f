"""Computes functions.json: what PyTorch gives for functions and layers of the standard
library, with first derivatives, and derivatives of the sum of the squares of these.
python3 functions.py > functions.json

All is in float64. A case has what a spec writes (call), inputs and parameters by name, and
weights of the result's elements (cotangent) in the scalar that is differentiated."""

import json
import math
import torch
import torch.nn.functional as F

torch.manual_seed(0)
f64 = torch.float64
nan, inf = math.nan, math.inf


def draw(*size):
    return (torch.randn(size, dtype=f64) * 64).round() / 64


def of(*values):
    return torch.tensor(values, dtype=f64)


def numbers(t):
    if t._is_zerotensor():
        t = torch.zeros(t.shape)
    values = t.detach().to(f64).flatten().tolist()
    return {"shape": list(t.shape), "values": [v if math.isfinite(v) else str(v) for v in values]}


cases = []


def case(call, f, second=True, params=None, **inputs):
    params = params or {}
    leaves = {k: v.clone().requires_grad_() for k, v in {**inputs, **params}.items() if v.dtype == f64}
    got = f(*[leaves.get(k, v) for k, v in {**inputs, **params}.items()])
    c = {"call": call, "inputs": {k: dict(numbers(v), int=v.dtype != f64) for k, v in inputs.items()},
         "params": {k: numbers(v) for k, v in params.items()}, "out": numbers(got)}
    if got.requires_grad:
        weights = draw(*got.shape)
        used = [k for k in leaves]
        first = torch.autograd.grad((got * weights).sum(), [leaves[k] for k in used], create_graph=True, allow_unused=True)
        first = {k: g for k, g in zip(used, first) if g is not None}
        c["cotangent"], c["first"] = numbers(weights), {k: numbers(g) for k, g in first.items()}
        squares = sum(g.square().sum() for g in first.values())
        if second and squares.requires_grad:
            try:
                found = torch.autograd.grad(squares, [leaves[k] for k in used], allow_unused=True)
            except RuntimeError as e:
                raise RuntimeError("give second=False: " + call) from e
            found = {k: numbers(g) for k, g in zip(used, found) if g is not None}
            c["second"] = {k: g for k, g in found.items() if any(v != 0 for v in g["values"])}
    cases.append(c)


# Activations, at and around their kinks too.
x = torch.cat([draw(9), of(0, -1, 1, 6, 3, -3, 0.5, -0.5, 40, -40, 2.5)])
case("relu6(x)", F.relu6, x=x)
case("hardtanh(x)", F.hardtanh, x=x)
case("hardtanh(x, -0.5, 2.5)", lambda x: F.hardtanh(x, -0.5, 2.5), x=x)
case("hardsigmoid(x)", lambda x: F.hardtanh(x / 6 + 0.5, 0, 1), x=x)           # whose own slope is 1/6 in f32
case("hardswish(x)", F.hardswish, x=x, second=False)
case("mish(x)", F.mish, x=x)
smooth = torch.cat([x[x != 0], of(800)])                                        # where second derivatives are defined
case("celu(x)", F.celu, x=x, second=False)
case("celu(x)", F.celu, x=smooth)
case("celu(x, 0.5)", lambda x: F.celu(x, 0.5), x=smooth)
case("selu(x)", F.selu, x=x, second=False)
case("selu(x)", F.selu, x=smooth)
case("tanhshrink(x)", F.tanhshrink, x=x)
case("softshrink(x)", F.softshrink, x=x)
case("hardshrink(x, 1.0)", lambda x: F.hardshrink(x, 1.0), x=x)
case("threshold(x, 1.0, -2.0)", lambda x: F.threshold(x, 1.0, -2.0), x=x)
case("softmin(x, 0)", lambda x: F.softmin(x, 0), x=draw(3, 4))
case("glu(x)", F.glu, x=draw(3, 6))
case("glu(x, 0)", lambda x: F.glu(x, 0), x=draw(4, 1, 3))
case("{PReLU: x}", lambda x, weight: F.prelu(x, weight), params={"weight": of(0.25)}, x=x, second=False)
case("{PReLU: x, num_parameters: 3}", lambda x, weight: F.prelu(x, weight), params={"weight": of(0.25, -1, 0.5)}, x=draw(2, 3, 1, 2))

# Losses.
y, t = draw(4, 3), draw(4, 3)
y[0, 0] = t[0, 0] + 0.5
y[0, 1] = t[0, 1]
case("smooth_l1_loss(y, t, beta=0.5)", lambda y, t: F.smooth_l1_loss(y, t, beta=0.5), y=y, t=t)
case("smooth_l1_loss(y, t, reduction='none')", lambda y, t: F.smooth_l1_loss(y, t, reduction="none"), y=y, t=t)
case("smooth_l1_loss(y, t, reduction='sum', beta=0)", lambda y, t: F.smooth_l1_loss(y, t, reduction="sum", beta=0), y=y, t=t)
p, q = torch.rand(4, 3, dtype=f64).mul(62).round().add(1).div(64), torch.rand(4, 3, dtype=f64).mul(64).round().div(64)
case("binary_cross_entropy(p, q)", F.binary_cross_entropy, p=p, q=q, second=False)
case("binary_cross_entropy(p, q, reduction='none')", lambda p, q: F.binary_cross_entropy(p.detach(), q.detach(), reduction="none"),
     p=of(0, 1, 0, 1, 0.5), q=of(0, 1, 1, 0.5, 0))
labels = torch.tensor([0, 3, 1, -100, 2])
logs = draw(5, 4).log_softmax(1)
weight = [0.5, 2.0, 0.25, 1.5]
case("nll_loss(x, labels)", F.nll_loss, x=logs, labels=labels)
case(f"nll_loss(x, labels, {weight})", lambda x, labels: F.nll_loss(x, labels, of(*weight)), x=logs, labels=labels)
case("nll_loss(x, labels, ignore_index=2, reduction='none')", lambda x, labels: F.nll_loss(x, labels, ignore_index=2, reduction="none"),
     x=draw(2, 3, 4).log_softmax(1), labels=torch.tensor([[0, 1, 2, 2], [2, 1, 0, 1]]))
for more in ("", ", [0.5, 2, 0.25], 'sum', 0.25", ", label_smoothing=0.25, reduction='none'"):
    options = {"": {}, ", [": {"weight": of(0.5, 2, 0.25), "reduction": "sum", "label_smoothing": 0.25}, ", l": {"label_smoothing": 0.25, "reduction": "none"}}[more[:3]]
    case(f"soft_cross_entropy(x, p{more})", lambda x, p: F.cross_entropy(x, p, **options), x=draw(2, 3, 2), p=draw(2, 3, 2).softmax(1))
signs = torch.tensor([1, -1, -1, 1])
case("soft_margin_loss(y, t)", lambda y, t: F.soft_margin_loss(y, t.detach()), y=draw(4), t=signs.to(f64))
case("multilabel_soft_margin_loss(y, q)", F.multilabel_soft_margin_loss, y=y, q=q)
case("multilabel_soft_margin_loss(y, q, [0.5, 2, 1], reduction='none')",
     lambda y, q: F.multilabel_soft_margin_loss(y, q, of(0.5, 2, 1), reduction="none"), y=y, q=q)
labels = torch.tensor([0, 2, 1, 2])
case("multi_margin_loss(y, labels)", F.multi_margin_loss, y=y, labels=labels, second=False)
case("multi_margin_loss(y, labels, 2, 0.5, [0.5, 2, 1], reduction='sum')",
     lambda y, labels: F.multi_margin_loss(y, labels, 2, 0.5, of(0.5, 2, 1), reduction="sum"), y=y, labels=labels, second=False)
v = draw(4, 3).abs() + 0.25
v[1, 1] = 1e-9
case("gaussian_nll_loss(y, t, v)", F.gaussian_nll_loss, y=y, t=t, v=v, second=False)
v = draw(4, 3).abs() + 0.25
case("gaussian_nll_loss(y, t, v, true, reduction='none')", lambda y, t, v: F.gaussian_nll_loss(y, t, v, full=True, reduction="none"), y=y, t=t, v=v)
case("gaussian_nll_loss(y, t, v, reduction='sum')", lambda y, t, v: F.gaussian_nll_loss(y, t, v, reduction="sum"), y=y, t=t, v=v[:, 0])
case("gaussian_nll_loss(y, t, v)", F.gaussian_nll_loss, y=y, t=t, v=v[:, :1])
c = torch.tensor([[0, 1, 2], [5, 0, 1], [3, 4, 0], [1, 1, 7]]).to(f64)
case("poisson_nll_loss(y, t)", lambda y, t: F.poisson_nll_loss(y, t.detach()), y=y, t=c)
case("poisson_nll_loss(y, t, log_input=false, full=true, reduction='none')",
     lambda y, t: F.poisson_nll_loss(y, t.detach(), log_input=False, full=True, reduction="none"), y=y.abs() + 0.125, t=c)

# Distances.
x = draw(3, 4, 2)
x[1] = 0
x[0, 1, 1] = x[0, 2, 0] = 0
case("norm(x)", torch.linalg.vector_norm, x=x)
case("norm(x, dim=1)", lambda x: torch.linalg.vector_norm(x, dim=1), x=x, second=False)
case("norm(x, 1, [0, 2], true)", lambda x: torch.linalg.vector_norm(x, 1, (0, 2), True), x=x)
case("norm(x, 3, -1)", lambda x: torch.linalg.vector_norm(x, 3, -1), x=draw(3, 4, 2))
case("norm(x, 1.5, 0)", lambda x: torch.linalg.vector_norm(x, 1.5, 0), x=x, second=False)
case("norm(x, 0, 1)", lambda x: torch.linalg.vector_norm(x.detach(), 0, 1), x=x)
case("norm(x, inf, 1)", lambda x: torch.linalg.vector_norm(x, inf, 1), x=draw(3, 4, 2), second=False)
case("norm(x, -inf)", lambda x: torch.linalg.vector_norm(x, -inf), x=draw(3, 4, 2), second=False)
case("norm(x, -1, 1)", lambda x: torch.linalg.vector_norm(x.detach(), -1, 1), x=x)
case("normalize(x)", F.normalize, x=draw(3, 4, 2))
case("normalize(x, 1, -1)", lambda x: F.normalize(x, 1, -1), x=draw(3, 4))
a, b = draw(4, 3), draw(4, 3)
case("cosine_similarity(a, b)", F.cosine_similarity, a=a, b=b)
case("cosine_similarity(a, b, -1)", lambda a, b: F.cosine_similarity(a, b, -1), a=draw(2, 1, 3), b=draw(1, 4, 3))
case("pairwise_distance(a, b)", F.pairwise_distance, a=a, b=b)
case("pairwise_distance(a, b, 1, keepdim=true)", lambda a, b: F.pairwise_distance(a, b, 1, keepdim=True), a=a, b=b)
case("cdist(a, b)", torch.cdist, a=draw(2, 3, 4), b=draw(2, 5, 4), second=False)
case("cdist(a, b, 1)", lambda a, b: torch.cdist(a, b, 1), a=draw(3, 4), b=draw(5, 4), second=False)
case("cdist(a, b, compute_mode='use_mm_for_euclid_dist')",
     lambda a, b: torch.cdist(a, b, compute_mode="use_mm_for_euclid_dist"), a=draw(3, 4), b=draw(2, 4), second=False)
signs = torch.tensor([1, -1, 1, -1])
a[3] = b[3] + 0.25
case("cosine_embedding_loss(a, b, t)", F.cosine_embedding_loss, a=a, b=b, t=signs)
case("cosine_embedding_loss(a, b, t, 0.25, reduction='none')",
     lambda a, b, t: F.cosine_embedding_loss(a, b, t, 0.25, reduction="none"), a=a, b=b, t=signs)
case("margin_ranking_loss(a, b, t, 0.5)", lambda a, b, t: F.margin_ranking_loss(a, b, t, 0.5), a=draw(4), b=draw(4), t=signs)
case("hinge_embedding_loss(a, t, 2.0)", lambda a, t: F.hinge_embedding_loss(a, t, 2.0), a=draw(4).abs(), t=signs)
case("triplet_margin_loss(a, b, c)", F.triplet_margin_loss, a=draw(4, 3), b=draw(4, 3), c=draw(4, 3))
case("triplet_margin_loss(a, b, c, 2, 1, swap=true, reduction='none')",
     lambda a, b, c: F.triplet_margin_loss(a, b, c, 2, 1, swap=True, reduction="none"), a=draw(4, 3), b=draw(4, 3), c=draw(4, 3))

# Layers and norms.
x = draw(2, 4, 3, 2)
case("{InstanceNorm: x, affine: true, eps: 0.01}", lambda x, weight, bias: F.instance_norm(x, weight=weight, bias=bias, eps=0.01),
     params={"weight": draw(4), "bias": draw(4)}, x=x)
case("{LocalResponseNorm: x, size: 3, alpha: 0.5, beta: 0.5, k: 2}", lambda x: F.local_response_norm(x, 3, 0.5, 0.5, 2), x=x)
case("{LocalResponseNorm: x, size: 2}", lambda x: F.local_response_norm(x, 2), x=draw(2, 4, 3))
case("{Bilinear: [a, b], out_features: 2}", F.bilinear, params={"weight": draw(2, 3, 4), "bias": draw(2)}, a=draw(2, 3), b=draw(2, 4))
ids = torch.tensor([[0, 3, 3], [4, 1, 2], [1, 1, 1]])
for mode in ("mean", "sum", "max"):
    case("{EmbeddingBag: ids, num_embeddings: 5, embedding_dim: 2, mode: %s}" % mode,
         lambda ids, weight: F.embedding_bag(ids, weight, mode=mode), second=False, params={"weight": draw(5, 2)}, ids=ids)
    case("{EmbeddingBag: ids, num_embeddings: 5, embedding_dim: 2, mode: %s, padding_idx: 1}" % mode,
         lambda ids, weight: F.embedding_bag(ids, weight, mode=mode, padding_idx=1), second=False, params={"weight": draw(5, 2)}, ids=ids)
for mode in ("reflect", "replicate", "circular"):
    for call, layer, x in [
        ("{Conv1d: x, out_channels: 2, kernel_size: 3, padding: 2, padding_mode: %s}", torch.nn.Conv1d(3, 2, 3, padding=2, padding_mode=mode), draw(2, 3, 5)),
        ("{Conv2d: x, out_channels: 2, kernel_size: [2, 3], padding: same, dilation: [1, 2], padding_mode: %s}",
         torch.nn.Conv2d(1, 2, (2, 3), padding="same", dilation=(1, 2), padding_mode=mode), draw(1, 1, 4, 5)),
        ("{Conv3d: x, out_channels: 1, kernel_size: [1, 2, 3], padding: [0, 1, 2], stride: [1, 2, 1], padding_mode: %s}",
         torch.nn.Conv3d(1, 1, (1, 2, 3), padding=(0, 1, 2), stride=(1, 2, 1), padding_mode=mode), draw(1, 1, 2, 3, 4))]:
        params = {"weight": draw(*layer.weight.shape), "bias": draw(*layer.bias.shape)}
        case(call % mode, lambda x, weight, bias: torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,)), params=params, x=x)

# Sorting.
x = torch.tensor([[3.0, 1, 4, 1.5], [5, 9, 2.5, 6], [5.5, 3.5, -8, 9.5]], dtype=f64)
holes = x.clone()
holes[0, 2] = holes[1, 0] = nan
holes[2] = nan
case("median(x).values", torch.median, x=x)
case("median(x, 0).values", lambda x: x.median(0).values, x=x)
case("median(x, -1, true).values", lambda x: x.median(-1, True).values, x=x)
case("median(x, 1).indices", lambda x: x.median(1).indices, x=x)
case("median(x, 1).values", lambda x: x.median(1).values.detach(), x=holes)
case("median(x, 1).indices", lambda x: x.median(1).indices, x=holes)
case("nanmedian(x, 1).values", lambda x: x.nanmedian(1).values.detach(), x=holes)
case("nanmedian(x).values", lambda x: x.nanmedian().detach(), x=holes)
q = of(0, 0.3, 0.5, 1)
for name in ("linear", "lower", "higher", "nearest", "midpoint"):
    case("quantile(x, [0, 0.3, 0.5, 1], 1, interpolation='%s')" % name, lambda x: x.quantile(q, 1, interpolation=name), x=x)
case("quantile(x, 0.3)", lambda x: x.quantile(0.3), x=x)
case("quantile(x, 0.75, 0, true)", lambda x: x.quantile(0.75, 0, True), x=x)
case("quantile(x, [0.1, 0.6], 0, true)", lambda x: x.quantile(of(0.1, 0.6), 0, True), x=x)
case("quantile(x, [0.1, 0.6], 1)", lambda x: x.detach().quantile(of(0.1, 0.6), 1), x=holes)
case("nanquantile(x, [0.1, 0.6], 1)", lambda x: x.detach().nanquantile(of(0.1, 0.6), 1), x=holes)
rows = of(1, 3, 3, 5, 7, 9).reshape(2, 3).sort(-1).values
v = of(3, 0, 10, 1, 7, 5, 9, 8).reshape(2, 4)
for right in (False, True):
    case("searchsorted(rows, v, %s)" % str(right).lower(), lambda rows, v: torch.searchsorted(rows.detach(), v.detach(), right=right), rows=rows, v=v)
    case("bucketize(v, edges, %s)" % str(right).lower(), lambda v, edges: torch.bucketize(v, edges, right=right),
         v=torch.tensor([[3, 0, 1], [9, 4, 1]]), edges=torch.tensor([1, 1, 3, 5]))

# Pooling and resizing.
def pooled_back(n, *args, **more):
    unpool = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[n - 1]
    pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[n - 1]
    return lambda x, p: unpool(p, pool(x.detach(), *args, return_indices=True)[1], *args, **more)


case("max_pool2d_with_indices(x, [2, 3], 2, 1).indices", lambda x: F.max_pool2d(x.detach(), (2, 3), 2, 1, return_indices=True)[1], x=draw(2, 2, 5, 6))
case("max_pool2d_with_indices(x, 2, ceil_mode=true).values", lambda x: F.max_pool2d(x, 2, ceil_mode=True), x=draw(2, 3, 5))
x = draw(2, 3, 7)
case("max_unpool1d(p, max_pool1d_with_indices(x, 2, 3).indices, 2, 3)", pooled_back(1, 2, 3), x=x, p=draw(2, 3, 2))
x = draw(1, 2, 5, 6)
case("max_unpool2d(p, max_pool2d_with_indices(x, 2).indices, 2, output_size=[5, 6])", pooled_back(2, 2, output_size=(5, 6)), x=x, p=draw(1, 2, 2, 3))
case("max_unpool2d(p, max_pool2d_with_indices(x, [2, 1], 2, [1, 0]).indices, [2, 1], 2, [1, 0])",
     pooled_back(2, (2, 1), 2, (1, 0)), x=draw(1, 2, 4, 5), p=draw(1, 2, 3, 3))
case("max_unpool3d(p, max_pool3d_with_indices(x, [1, 2, 2]).indices, [1, 2, 2])", pooled_back(3, (1, 2, 2)), x=draw(2, 2, 2, 4), p=draw(2, 2, 1, 2))
x = draw(2, 1, 3, 4)
for mode in ("nearest", "bilinear", "bicubic", "area", "nearest-exact"):
    case(f"interpolate(x, nil, [1.5, 2], '{mode}')", lambda x: F.interpolate(x, None, (1.5, 2.0), mode), x=x)
for mode in ("bilinear", "bicubic"):
    for size in ([2, 3], [1, 1], [7, 2], [3, 9]):
        for align in (False, True):
            case(f"interpolate(x, {size}, nil, '{mode}', {str(align).lower()}, antialias=true)",
                 lambda x: F.interpolate(x, size, None, mode, align, antialias=True), x=draw(1, 2, 5, 7), second=False)
    case(f"interpolate(x, nil, [0.3, 0.45], '{mode}', antialias=true)", lambda x: F.interpolate(x, None, (0.3, 0.45), mode, antialias=True), x=draw(1, 1, 7, 9))
case("interpolate(x, nil, 0.45, 'bilinear', recompute_scale_factor=true)",
     lambda x: F.interpolate(x, None, 0.45, "bilinear", recompute_scale_factor=True), x=draw(1, 1, 7, 9))
case("{Upsample: x, scale_factor: [0.7, 2.3], mode: bilinear}", lambda x: F.interpolate(x, None, (0.7, 2.3), "bilinear"), x=x)
case("index_add(x, 0, i, s, -2)", lambda x, i, s: x.index_add(0, i, s, alpha=-2), x=draw(3, 2), i=torch.tensor([2, 0, 2, 2]), s=draw(4, 2))
case("index_add(x, 1, i, s, alpha=0.5)", lambda x, i, s: x.index_add(1, i, s, alpha=0.5), x=draw(3, 2), i=torch.tensor([1]), s=draw(3, 1))

# Shapes and arithmetic.
case("pixel_shuffle(x, 2)", lambda x: F.pixel_shuffle(x, 2), x=draw(2, 8, 1, 3))
case("pixel_unshuffle(x, 2)", lambda x: F.pixel_unshuffle(x, 2), x=draw(2, 2, 6))
case("channel_shuffle(x, 3)", lambda x: F.channel_shuffle(x, 3), x=draw(2, 6, 1, 2))
for offset in (0, 1, 3, -1, -4):
    case(f"diagonal(x, {offset})", lambda x: x.diagonal(offset, -2, -1), x=draw(2, 4, 3))
    case(f"diagonal(x, {-offset})", lambda x: x.diagonal(-offset, -2, -1), x=draw(3, 4))
case("trace(x)", torch.trace, x=draw(3, 4))
case("outer(a, b)", torch.outer, a=draw(3), b=draw(2))
case("cross(a, b)", torch.linalg.cross, a=draw(2, 3), b=draw(2, 3))
case("cross(a, b, 0)", lambda a, b: torch.linalg.cross(a, b, dim=0), a=draw(3, 2), b=draw(3, 2))
case("diff(x)", torch.diff, x=draw(2, 4))
case("diff(x, 0)", lambda x: torch.diff(x, dim=0), x=draw(3, 1))
a, b = of(5.5, -5.5, 5.5, -5.5, 0, 7), of(2, 2, -2, -2, 3, 7)
case("fmod(a, b)", torch.fmod, a=a, b=b)
case("frac(a)", torch.frac, a=a)
case("logit(a)", torch.logit, a=of(0.25, 0.5, 0.875))
case("logit(a, 0.125)", lambda a: torch.logit(a.detach(), 0.125), a=of(0, 0.5, 1))
case("isclose(a, b)", torch.isclose, a=of(1, 1, inf, -inf, inf, nan, 0), b=of(1.000001, 1.1, inf, inf, 1, nan, 1e-9))
case("isclose(a, b, 0.1, 0.5)", lambda a, b: torch.isclose(a, b, 0.1, 0.5), a=of(1, 2, 10), b=of(1.5, 3, 11.6))
case("nansum(x, 0)", lambda x: x.detach().nansum(0), x=holes)
case("nanmean(x, -1, true)", lambda x: x.detach().nanmean(-1, True), x=holes)
case("nanmean(x)", lambda x: x.detach().nanmean(), x=holes)

print(json.dumps(cases))
