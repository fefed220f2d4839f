"""Computes train_keys.json: short runs of PyTorch with every combination of what a
training loop may have. python3 train_keys.py > train_keys.json

All runs have one model, one set of batches and one set of first parameters, which
are multiples of 1/32 that bf16 holds exactly. The f64 runs are float64 throughout.
In the bf16 runs parameters and activations are bf16, and the optimizer computes in
float32 and rounds its result once."""

import itertools
import json
import torch

torch.manual_seed(0)
KEYS = ("clip", "accumulate", "groups", "frozen", "eval", "schedule")
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.03125, momentum=0.5, weight_decay=0.125, nesterov=True),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.0625, betas=(0.5, 0.75), weight_decay=0.25),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.0625, alpha=0.75, momentum=0.5),
}
STEPS, HELD = 7, 3


def draw(*size):
    return (torch.randn(*size, dtype=torch.float64) * 32).round().clamp(-100, 100) / 32


def numbers(t):
    return {"shape": list(t.shape), "values": t.detach().double().flatten().tolist()}


x, target = draw(STEPS, 5, 3), draw(STEPS, 5, 1)
held_x, held_target = draw(HELD, 5, 3), draw(HELD, 5, 1)
first = {"a.weight": draw(4, 3), "y.weight": draw(1, 4), "y.bias": draw(1)}


class Net(torch.nn.Module):
    def __init__(self, normalized):
        super().__init__()
        self.a = torch.nn.Linear(3, 4, bias=False)
        self.n = torch.nn.BatchNorm1d(4) if normalized else torch.nn.Identity()
        self.y = torch.nn.Linear(4, 1)

    def forward(self, x):
        return self.y(torch.tanh(self.n(self.a(x))))


def run(keys, optimizer, precision):
    half = precision == "bf16"
    net = Net(normalized=not half).double()
    net.load_state_dict(first, strict=False)
    if half:
        net.bfloat16()
    trained = {k: p for k, p in net.named_parameters() if not ("frozen" in keys and k == "a.weight")}
    for k, p in net.named_parameters():
        p.requires_grad_(k in trained)
    # A bias before a normalization has no gradient, and Adam would make steps of noise: a has none.
    # What the optimizer works on: the parameters, or copies of them in float32.
    wide = {k: torch.nn.Parameter(p.detach().float()) if half else p for k, p in trained.items()}
    if "groups" in keys:  # biases have a rate of their own
        groups = [{"params": [p for k, p in wide.items() if not k.endswith(".bias")]},
                  {"params": [p for k, p in wide.items() if k.endswith(".bias")], "lr": 0.015625}]
    else:
        groups = [{"params": list(wide.values())}]
    o = OPTIMIZERS[optimizer](groups)
    every = 2 if "accumulate" in keys else 1
    sums = {k: 0 for k in wide}
    losses, evaluations, updates = [], [], 0
    dtype = torch.bfloat16 if half else torch.float64

    def loss_of(x, target):
        return torch.nn.functional.mse_loss(net(x.to(dtype)).to(torch.float32 if half else torch.float64),
                                            target.to(torch.float32 if half else torch.float64))

    for step in range(STEPS):
        net.train()
        net.zero_grad()
        loss = loss_of(x[step], target[step])
        loss.backward()
        losses.append(loss.item())
        for k, p in trained.items():
            sums[k] = sums[k] + p.grad.to(wide[k].dtype)
        if (step + 1) % every == 0:
            for k, p in wide.items():
                p.grad = sums[k] / every
                if half and every == 1:
                    p.grad = trained[k].grad.float()
            if "clip" in keys:
                torch.nn.utils.clip_grad_norm_(list(wide.values()), 0.5)
            if "schedule" in keys:
                for i, g in enumerate(o.param_groups):
                    if i == 0:
                        g["lr"] = o.defaults["lr"] * 0.75 ** updates
            o.step()
            updates += 1
            sums = {k: 0 for k in wide}
            if half:
                with torch.no_grad():
                    for k, p in trained.items():
                        p.copy_(wide[k])
                        wide[k].copy_(p)
        if "eval" in keys and (step + 1) % 3 == 0:
            net.eval()
            with torch.no_grad():
                evaluations.append(sum(loss_of(a, b).item() for a, b in zip(held_x, held_target)) / HELD)
    after = {k: numbers(v) for k, v in net.state_dict().items() if "num_batches" not in k}
    return {"keys": sorted(keys), "optimizer": optimizer, "precision": precision,
            "losses": losses, "evaluations": evaluations, "after": after}


runs = []
for n in range(len(KEYS) + 1):
    for keys in itertools.combinations(KEYS, n):
        for precision in ("f64", "bf16"):
            runs.append(run(keys, list(OPTIMIZERS)[len(runs) // 2 % 3], precision))
print(json.dumps({
    "x": numbers(x), "target": numbers(target), "held_x": numbers(held_x), "held_target": numbers(held_target),
    "first": {k: numbers(v) for k, v in first.items()}, "runs": runs}, separators=(",", ":")))
