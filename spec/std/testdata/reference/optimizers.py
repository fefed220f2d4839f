"""Computes optimizers.json: six steps of optimizers on two matrices, a vector and a scalar, with
PyTorch in float64; of LAMB, which PyTorch lacks, as its paper defines it. Muon's iterations are
in float64 here, and not in bf16. python3 optimizers.py > optimizers.json"""

import inspect
import json
import torch
import torch.optim._muon as muon

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)  # of what NAdam multiplies, too
exec(inspect.getsource(muon._zeropower_via_newtonschulz).replace("torch.bfloat16", "torch.float64"), muon.__dict__)


def draw(*size):
    return (torch.randn(size, dtype=torch.float64) * 32).round().clamp(-100, 100) / 32


def numbers(t):
    return {"shape": list(t.shape), "values": t.detach().double().flatten().tolist()}


class LAMB(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (b1, b2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                s = self.state[p]
                if not s:
                    s["t"], s["m"], s["v"] = 0, torch.zeros_like(p), torch.zeros_like(p)
                s["t"] += 1
                s["m"] = b1 * s["m"] + (1 - b1) * p.grad
                s["v"] = b2 * s["v"] + (1 - b2) * p.grad**2
                m, v = s["m"] / (1 - b1 ** s["t"]), s["v"] / (1 - b2 ** s["t"])
                r = m / (v.sqrt() + group["eps"]) + group["weight_decay"] * p
                sizes = p.norm(), r.norm()
                p -= lr * (sizes[0] / sizes[1] if min(sizes) > 0 else 1) * r


eps = [1.1920928955078125e-7, 1e-3]  # in float64, PyTorch's default is that of float64
M, V = ["tall", "wide"], ["tall", "wide", "vector", "scalar", "zero"]
first = {"tall": draw(5, 3), "wide": draw(3, 4), "vector": draw(4), "scalar": draw(), "zero": torch.zeros(3, dtype=torch.float64)}
grads = {k: draw(6, *v.shape) for k, v in first.items()}
O = torch.optim
CASES = [
    ("Adadelta: {}", V, lambda p: O.Adadelta(p)),
    ("Adadelta: {lr: 0.5, rho: 0.75, eps: 0.0625, weight_decay: 0.25, maximize: true}", V, lambda p: O.Adadelta(p, lr=0.5, rho=0.75, eps=0.0625, weight_decay=0.25, maximize=True)),
    ("NAdam: {}", V, lambda p: O.NAdam(p)),
    ("NAdam: {lr: 0.125, betas: [0.5, 0.75], eps: 0.0625, weight_decay: 0.25, momentum_decay: 0.5, maximize: true}", V,
     lambda p: O.NAdam(p, lr=0.125, betas=(0.5, 0.75), eps=0.0625, weight_decay=0.25, momentum_decay=0.5, maximize=True)),
    ("NAdam: {lr: 0.125, weight_decay: 0.25, decoupled_weight_decay: true}", V, lambda p: O.NAdam(p, lr=0.125, weight_decay=0.25, decoupled_weight_decay=True)),
    ("LAMB: {}", V, lambda p: LAMB(p)),
    ("LAMB: {lr: 0.125, betas: [0.5, 0.75], eps: 0.0625, weight_decay: 0.25}", V, lambda p: LAMB(p, 0.125, (0.5, 0.75), 0.0625, 0.25)),
    ("Adafactor: {}", V, lambda p: O.Adafactor(p, eps=eps)),
    ("Adafactor: {lr: 0.125, beta2_decay: -0.5, eps: [0.5, 0.25], d: 1.25, weight_decay: 0.25, maximize: true}", V,
     lambda p: O.Adafactor(p, lr=0.125, beta2_decay=-0.5, eps=(0.5, 0.25), d=1.25, weight_decay=0.25, maximize=True)),
    ("Muon: {}", M, lambda p: O.Muon(p)),
    ("Muon: {lr: 0.125, weight_decay: 0.25, momentum: 0.5, nesterov: false, ns_steps: 3, adjust_lr_fn: match_rms_adamw}", M,
     lambda p: O.Muon(p, lr=0.125, weight_decay=0.25, momentum=0.5, nesterov=False, ns_steps=3, adjust_lr_fn="match_rms_adamw")),
    ("Muon: {lr: 0.125, adjust_lr_fn: spectral_unclamped}", M, lambda p: O.Muon(p, lr=0.125, adjust_lr_fn="spectral_unclamped")),
]
runs = []
for spec, names, make in CASES:
    p = {k: torch.nn.Parameter(first[k].clone()) for k in names}
    o = make(list(p.values()))
    for i in range(6):
        for k in names:
            p[k].grad = grads[k][i].clone()
        o.step()
    runs.append({"spec": spec, "after": {k: numbers(v) for k, v in p.items()}})
print(json.dumps({"first": {k: numbers(v) for k, v in first.items()}, "grads": {k: numbers(v) for k, v in grads.items()}, "runs": runs}))
