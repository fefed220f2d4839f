"""Computes windows.json: what PyTorch gives in float64 for pooling, interpolation, padding
and what else looks at windows, and the gradient. python3 windows.py > windows.json

Element i of x is ((37 i) mod 101 - 50) / 16, and of the cotangent ((53 i) mod 97 - 48) / 32."""

import json
import torch
import torch.nn.functional as F


def pattern(shape, factor, modulus, divisor):
    n = torch.Size(shape).numel()
    i = torch.arange(n, dtype=torch.int64)
    return ((i * factor) % modulus - modulus // 2).to(torch.float64).reshape(shape) / divisor


cases = []


def case(expr, shape, f):
    x = pattern(shape, 37, 101, 16).requires_grad_()
    y = f(x)
    (grad,) = torch.autograd.grad((y * pattern(y.shape, 53, 97, 32)).sum(), [x])
    cases.append({"expr": expr, "x": list(shape), "y": list(y.shape),
                  "values": [float("%.12g" % v) for v in y.flatten().tolist()], "grad": [float("%.12g" % v) for v in grad.flatten().tolist()]})


case("max_pool1d(x, 3, 2, 1)", (2, 3, 8), lambda x: F.max_pool1d(x, 3, 2, 1))
case("max_pool1d(x, 2, ceil_mode=true)", (3, 7), lambda x: F.max_pool1d(x, 2, ceil_mode=True))
case("max_pool2d(x, 3, 1, 1, 2)", (1, 2, 7, 6), lambda x: F.max_pool2d(x, 3, 1, 1, 2))
case("max_pool2d(x, [3, 2], [2, 3], [1, 0], ceil_mode=true)", (2, 1, 6, 7), lambda x: F.max_pool2d(x, (3, 2), (2, 3), (1, 0), ceil_mode=True))
case("max_pool3d(x, 2, 1, 1)", (1, 2, 2, 3, 3), lambda x: F.max_pool3d(x, 2, 1, 1))
case("avg_pool1d(x, 3, 2, 1)", (2, 2, 7), lambda x: F.avg_pool1d(x, 3, 2, 1))
case("avg_pool1d(x, 3, 2, 1, true)", (2, 8), lambda x: F.avg_pool1d(x, 3, 2, 1, True))
case("avg_pool2d(x, [3, 2], 2, [1, 1], true, false)", (1, 2, 6, 7), lambda x: F.avg_pool2d(x, (3, 2), 2, (1, 1), True, False))
case("avg_pool2d(x, 3, 2, 1, true)", (2, 6, 6), lambda x: F.avg_pool2d(x, 3, 2, 1, True))
case("avg_pool2d(x, 2, divisor_override=3)", (1, 1, 5, 4), lambda x: F.avg_pool2d(x, 2, divisor_override=3))
case("avg_pool3d(x, [1, 2, 3], 2, [0, 1, 1])", (1, 2, 3, 4, 5), lambda x: F.avg_pool3d(x, (1, 2, 3), 2, (0, 1, 1)))
case("adaptive_max_pool2d(x, [3, 2])", (2, 2, 7, 5), lambda x: F.adaptive_max_pool2d(x, (3, 2)))
case("adaptive_max_pool3d(x, 2)", (1, 3, 5, 2), lambda x: F.adaptive_max_pool3d(x, 2))
case("adaptive_avg_pool1d(x, 5)", (2, 2, 3), lambda x: F.adaptive_avg_pool1d(x, 5))
case("adaptive_avg_pool2d(x, [3, 1])", (2, 2, 7, 5), lambda x: F.adaptive_avg_pool2d(x, (3, 1)))
case("adaptive_avg_pool3d(x, [2, 3, 2])", (1, 1, 3, 4, 3), lambda x: F.adaptive_avg_pool3d(x, (2, 3, 2)))
for mode in ["nearest", "nearest-exact", "area"]:
    case('interpolate(x, [4, 7], mode="%s")' % mode, (1, 2, 5, 3), lambda x: F.interpolate(x, (4, 7), mode=mode))
    case('interpolate(x, scale_factor=1.7, mode="%s")' % mode, (2, 1, 7), lambda x: F.interpolate(x, scale_factor=1.7, mode=mode))
for align in ["true", "false"]:
    corners = align == "true"
    case('interpolate(x, 7, mode="linear", align_corners=%s)' % align, (1, 2, 4), lambda x: F.interpolate(x, 7, mode="linear", align_corners=corners))
    case('interpolate(x, [3, 6], mode="bilinear", align_corners=%s)' % align, (1, 2, 5, 4), lambda x: F.interpolate(x, (3, 6), mode="bilinear", align_corners=corners))
    case('interpolate(x, [7, 3], mode="bicubic", align_corners=%s)' % align, (1, 2, 4, 6), lambda x: F.interpolate(x, (7, 3), mode="bicubic", align_corners=corners))
    case('interpolate(x, scale_factor=2.3, mode="bicubic", align_corners=%s)' % align, (1, 1, 3, 2), lambda x: F.interpolate(x, scale_factor=2.3, mode="bicubic", align_corners=corners))
    case('interpolate(x, [2, 5, 1], mode="trilinear", align_corners=%s)' % align, (1, 1, 3, 3, 2), lambda x: F.interpolate(x, (2, 5, 1), mode="trilinear", align_corners=corners))
case('interpolate(x, scale_factor=0.6, mode="linear")', (1, 2, 9), lambda x: F.interpolate(x, scale_factor=0.6, mode="linear"))
case("pad(x, [1, 2, -1, 3])", (2, 4, 3), lambda x: F.pad(x, (1, 2, -1, 3)))
case('pad(x, [1, 2], "constant", 2.5)', (2, 3), lambda x: F.pad(x, (1, 2), "constant", 2.5))
case('pad(x, [2, 3, 1, 0], "reflect")', (1, 2, 3, 4), lambda x: F.pad(x, (2, 3, 1, 0), "reflect"))
case('pad(x, [2, 3, 1, 0], "replicate")', (1, 2, 3, 4), lambda x: F.pad(x, (2, 3, 1, 0), "replicate"))
case('pad(x, [2, 3, 1, 0], "circular")', (1, 2, 3, 4), lambda x: F.pad(x, (2, 3, 1, 0), "circular"))
case("roll(x, 3)", (2, 5), lambda x: torch.roll(x, 3))
case("roll(x, [-1, 2], [0, 2])", (3, 2, 4), lambda x: torch.roll(x, (-1, 2), (0, 2)))
case("roll(x, [1, 2], [1, 1])", (2, 4), lambda x: torch.roll(x, (1, 2), (1, 1)))
case("tile(x, [2, 1, 3])", (2, 3), lambda x: torch.tile(x, (2, 1, 3)))
case("tile(x, 2)", (2, 3), lambda x: torch.tile(x, (2,)))
case("repeat_interleave(x, 3, 1)", (2, 3, 2), lambda x: torch.repeat_interleave(x, 3, 1))
case("repeat_interleave(x, 2)", (2, 3), lambda x: torch.repeat_interleave(x, 2))
case("unfold(x, [2, 3], [2, 1], [1, 0], [1, 2])", (2, 3, 5, 6), lambda x: F.unfold(x, (2, 3), (2, 1), (1, 0), (1, 2)))
case("unfold(x, 2)", (2, 4, 3), lambda x: F.unfold(x, 2))
case("fold(x, [5, 6], [2, 3], [2, 1], [1, 0], [1, 2])", (2, 12, 10), lambda x: F.fold(x, (5, 6), (2, 3), (2, 1), (1, 0), (1, 2)))
case("fold(x, 4, 2, 1, 0, 2)", (8, 4), lambda x: F.fold(x, 4, 2, 1, 0, 2))

print("[" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "]")
