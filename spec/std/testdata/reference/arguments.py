"""Computes arguments.json: what PyTorch gives for arguments of losses, layers and
optimizers that the standard library has too. python3 arguments.py > arguments.json

All is computed in float64 from numbers that f32 holds exactly, so that the only
error of an f32 result is its own rounding."""

import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)


def draw(*size):
    return (torch.randn(*size, dtype=torch.float64) * 64).round() / 64


def numbers(t):
    return {"shape": list(t.shape), "values": t.detach().flatten().tolist()}


out = {}

x, y = draw(6, 4), torch.tensor([0, 3, 1, -100, 2, 2])
xs, ys = draw(2, 3, 5), torch.tensor([[0, 2, 1, 1, -100], [2, 2, 0, 1, 0]])
cases = []
for logits, labels, weight in [(x, y, [0.5, 2.0, 0.25, 1.5]), (xs, ys, [0.5, 2.0, 0.25])]:
    for smoothing in (0.0, 0.25):
        for reduction in ("mean", "sum", "none"):
            a = logits.clone().requires_grad_()
            loss = F.cross_entropy(a, labels, torch.tensor(weight, dtype=torch.float64), reduction=reduction, label_smoothing=smoothing)
            loss.sum().backward()
            cases.append({"x": numbers(logits), "y": numbers(labels), "weight": weight, "smoothing": smoothing,
                          "reduction": reduction, "loss": numbers(loss), "grad": numbers(a.grad)})
out["cross_entropy"] = cases

cases = []
logits, target = draw(5, 3), torch.rand(5, 3, dtype=torch.float64).mul(64).round() / 64
for weight in ([2.0], [0.5, 3.0, 1.0]):
    a = logits.clone().requires_grad_()
    loss = F.binary_cross_entropy_with_logits(a, target, pos_weight=torch.tensor(weight, dtype=torch.float64))
    loss.backward()
    cases.append({"x": numbers(logits), "y": numbers(target), "pos_weight": weight, "loss": numbers(loss), "grad": numbers(a.grad)})
out["bce"] = cases

cases = []
for padding in (1, -2):
    e = torch.nn.Embedding(5, 3, padding_idx=padding, dtype=torch.float64)
    with torch.no_grad():
        e.weight.copy_(draw(5, 3))
        e.weight[padding] = 0
    ids, factor = torch.tensor([[0, 1, 3], [3, 4, 1]]), draw(2, 3, 3)
    (e(ids) * factor).sum().backward()
    cases.append({"weight": numbers(e.weight), "ids": numbers(ids), "factor": numbers(factor), "padding_idx": padding,
                  "rows": numbers(e(ids)), "grad": numbers(e.weight.grad)})
out["embedding"] = cases

# The loss is sum(w * x), x new at each step, so that the gradient is x.
w, steps = draw(3), draw(5, 3)
optimizers = {
    "SGD: {lr: 0.125, momentum: 0.5, weight_decay: 0.25, maximize: true}":
        lambda p: torch.optim.SGD(p, lr=0.125, momentum=0.5, weight_decay=0.25, maximize=True),
    "Adam: {lr: 0.125, weight_decay: 0.25, maximize: true}":
        lambda p: torch.optim.Adam(p, lr=0.125, weight_decay=0.25, maximize=True),
    "AdamW: {lr: 0.125, weight_decay: 0.25, maximize: true}":
        lambda p: torch.optim.AdamW(p, lr=0.125, weight_decay=0.25, maximize=True),
    "RMSprop: {lr: 0.125, weight_decay: 0.25, maximize: true}":
        lambda p: torch.optim.RMSprop(p, lr=0.125, weight_decay=0.25, maximize=True),
    "Adagrad: {lr: 0.125, weight_decay: 0.25, maximize: true}":
        lambda p: torch.optim.Adagrad(p, lr=0.125, weight_decay=0.25, maximize=True),
}
cases = []
for spec, make in optimizers.items():
    p = w.clone().requires_grad_()
    o = make([p])
    for s in steps:
        o.zero_grad()
        (p * s).sum().backward()
        o.step()
    cases.append({"spec": spec, "w": numbers(w), "x": numbers(steps), "after": numbers(p)})
out["maximize"] = cases

b = torch.nn.BatchNorm1d(2, momentum=None, dtype=torch.float64)
batches = draw(4, 6, 2)
for batch in batches:
    b(batch)
out["batch_norm"] = {"x": numbers(batches), "running_mean": numbers(b.running_mean), "running_var": numbers(b.running_var)}

print(json.dumps(out, indent=None, separators=(",", ":")))
