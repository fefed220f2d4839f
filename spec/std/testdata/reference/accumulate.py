"""Computes accumulate.json: training on one large batch with PyTorch in float64, for losses
that add up over smaller batches in different ways. python3 accumulate.py > accumulate.json

Ten examples are one batch here. In the spec they are batches of 4, 4 and 2, and of the
second all labels are ignored."""

import json
import torch
import torch.nn.functional as F

torch.manual_seed(0)


def draw(*size):
    return (torch.randn(*size, dtype=torch.float64) * 32).round().clamp(-100, 100) / 32


def numbers(t):
    return {"shape": list(t.shape), "values": t.detach().double().flatten().tolist()}


x, t = draw(10, 3), draw(10, 2)
y = torch.randint(0, 3, (10, 4))
y[torch.rand(10, 4) < 0.3] = -1
y[4:8] = -1
mask = (torch.rand(10, 4) < 0.6).double()
first = {"a.weight": draw(12, 3), "a.bias": draw(12), "r.weight": draw(2, 3), "r.bias": draw(2)}
C = 'cross_entropy(logits, y, ignore_index=-1'
ce = lambda v, **o: F.cross_entropy(v["logits"], y, ignore_index=-1, **o)
weights = torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64)
each = lambda v: (v["logits"].square().mean(1) * mask)
CASES = {
    "mean": ("mse_loss(r, t)", "", lambda v: F.mse_loss(v["r"], t)),
    "counted": (C + ")", "", lambda v: ce(v)),
    "class weights": (C + ", weight=[0.5, 2.0, 1.0])", "", lambda v: ce(v, weight=weights)),
    "sum": ('0.125 * l1_loss(r, t, reduction="sum")', "", lambda v: 0.125 * F.l1_loss(v["r"], t, reduction="sum")),
    "several": (f'{C}) / 2 + mse_loss(r, t) - 0.25 * {C}, label_smoothing=0.25) + 0.01 * sum(square(r.weight)) + 0.03 * sum(square(r))', "",
                lambda v: ce(v) / 2 + F.mse_loss(v["r"], t) - 0.25 * ce(v, label_smoothing=0.25) + 0.01 * v["r.weight"].square().sum() + 0.03 * v["r"].square().sum()),
    "by hand": ("sum(mean(square(logits), 1) * mask) / sum(mask)", "", lambda v: each(v).sum() / mask.sum()),
    "features": ("sum(mean(square(r - t), 0)) + mean(sum(square(r - t), -1))", "", lambda v: 2 * (v["r"] - t).square().mean(0).sum()),
    "guarded": ("sum(mean(square(logits), 1) * mask) / maximum(sum(mask), 1)", "", lambda v: each(v).sum() / mask.sum().clamp(min=1)),
    "clamped": ("sum(mean(square(logits), 1) * mask) / clamp(sum(mask), 1.5, 9.5)", "", lambda v: each(v).sum() / mask.sum().clamp(1.5, 9.5)),
    "smoothed": ("sum(mean(square(logits), 1) * mask) / (sum(mask) + 0.5)", "", lambda v: each(v).sum() / (mask.sum() + 0.5)),
    "times": ("sum(mean(square(logits), 1) * mask) * (1 / sum(mask))", "", lambda v: each(v).sum() * (1 / mask.sum())),
    "inside": ("sum(mean(square(logits), 1) * mask / sum(mask)) + mean(sum(square(r - t) / sqrt(count(y != -1)) + 0.25 * r, 1))", "",
               lambda v: each(v).sum() / mask.sum() + ((v["r"] - t).square() / (y != -1).sum().sqrt() + 0.25 * v["r"]).sum(1).mean()),
    "of means": ("mean(mean(square(logits), 1) * mask) / mean(mask)", "", lambda v: each(v).mean() / mask.mean()),
    "counts of their own": (f"{C}) + 0.5 * sum(mean(square(logits), 1) * mask) / sum(mask) - {C}, weight=[0.5, 2.0, 1.0])", "",
                            lambda v: ce(v) + 0.5 * each(v).sum() / mask.sum() - ce(v, weight=weights)),
    "nothing": ("cross_entropy(logits, 0 * y - 1, ignore_index=-1) + 0.25 * sum(square(r))", "",
                lambda v: F.cross_entropy(v["logits"], 0 * y - 1, ignore_index=-1) + 0.25 * v["r"].square().sum()),
    "said": ("mean(mean(square(logits), 1) * mask) / mean(mask)", "sum(mask)", lambda v: each(v).sum() / mask.sum()),
}


def run(loss, clip):
    p = {k: torch.nn.Parameter(v.clone()) for k, v in first.items()}
    optimizer = torch.optim.SGD(p.values(), lr=0.125, momentum=0.5)
    for _ in range(4):
        v = dict(p)
        v["logits"] = F.linear(x, p["a.weight"], p["a.bias"]).reshape(10, 3, 4)
        v["r"] = F.linear(x, p["r.weight"], p["r.bias"])
        optimizer.zero_grad()
        loss(v).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(p.values(), 0.5)
        optimizer.step()
    return {k: numbers(q) for k, q in p.items()}


runs = []
for name, (loss, weight, f) in CASES.items():
    for clip in (False, True) if name == "several" else (False,):
        runs.append({"name": name, "loss": loss, "weight": weight, "clip": clip, "after": run(f, clip)})
print(json.dumps({"x": numbers(x), "t": numbers(t), "y": numbers(y), "mask": numbers(mask),
                  "first": {k: numbers(v) for k, v in first.items()}, "runs": runs}))
