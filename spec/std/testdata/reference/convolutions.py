"""Computes convolutions.json: what PyTorch gives for convolutions, their gradients and
a gradient of these. python3 convolutions.py > convolutions.json

All is computed in float64 from numbers that f32 holds exactly."""

import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)


def draw(*size):
    return (torch.randn(*size, dtype=torch.float64) * 64).round() / 64


def numbers(t):
    return {"shape": list(t.shape), "values": [float("%.9g" % v) for v in t.detach().flatten().tolist()]}


cases = []
for op, x, weight, options in [
    ("conv1d", (2, 3, 7), (4, 3, 3), {}),
    ("conv1d", (3, 7), (4, 3, 2), {"padding": "same"}),
    ("conv2d", (2, 4, 6, 5), (6, 2, 3, 2), {"stride": [2, 1], "padding": [1, 2], "groups": 2}),
    ("conv2d", (1, 3, 7, 6), (3, 1, 2, 3), {"padding": "same", "dilation": [3, 2], "groups": 3}),
    ("conv2d", (2, 2, 9, 8), (3, 2, 2, 3), {"stride": 3, "dilation": 2, "padding": 1}),
    ("conv3d", (1, 2, 4, 3, 5), (2, 2, 2, 2, 3), {"stride": [1, 2, 1], "padding": 1}),
    ("conv_transpose1d", (2, 4, 5), (4, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ("conv_transpose2d", (1, 4, 3, 4), (4, 2, 2, 3), {"stride": [3, 2], "padding": [0, 1], "output_padding": [2, 1], "groups": 2, "dilation": [1, 2]}),
    ("conv_transpose3d", (1, 2, 2, 3, 2), (2, 2, 2, 1, 3), {"stride": 2, "dilation": [2, 1, 1]}),
]:
    transposed = "transpose" in op
    x, weight = draw(*x).requires_grad_(), draw(*weight).requires_grad_()
    bias = draw(weight.shape[1] * options.get("groups", 1) if transposed else weight.shape[0]).requires_grad_()
    y = getattr(F, op)(x, weight, bias, **options)
    cotangent = draw(*y.shape)
    first = torch.autograd.grad((y * cotangent).sum(), [x, weight, bias], create_graph=True)
    # A scalar of all first derivatives, and its derivatives.
    square = sum((g * g).sum() for g in first)
    second = torch.autograd.grad(square, [x, weight])
    cases.append({"op": op, "options": options, "x": numbers(x), "w": numbers(weight), "b": numbers(bias),
                  "cotangent": numbers(cotangent), "y": numbers(y), "first": [numbers(g) for g in first], "second": [numbers(g) for g in second]})

print(json.dumps(cases, separators=(",", ":")))
