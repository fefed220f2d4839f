"""Computes autocast.json: the first losses of convnet_momentum and gpt_adamw under
torch.autocast in bfloat16, on the CPU, and how far gradients at the initial and at the final
parameters are from those in f64. python3 autocast.py > autocast.json

The initial parameters and the batches are those of NAME.safetensors beside this file."""

import json
import math
import os
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

torch.manual_seed(0)
torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
steps = 60


def recorded(name, at="init/"):
    tensors = load_file(os.path.join(here, name + ".safetensors"))
    init = {k[len(at):]: v.clone().requires_grad_() for k, v in tensors.items() if k.startswith(at)}
    return init, {k[8:]: v for k, v in tensors.items() if k.startswith("batches/")}


def run(p, batches, model, optimizer, lr=None, clip=None):
    losses = []
    for step in range(steps):
        batch = {k: v[step] for k, v in batches.items()}
        for group in optimizer.param_groups:
            group["lr"] = lr(step) if lr else group["lr"]
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(p, batch)
        losses.append(loss.item())
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(list(p.values()), clip)
        optimizer.step()
    return losses


def gradients(p, batch, model, low):
    p = {k: v.detach().to(torch.float32 if low else torch.float64).requires_grad_() for k, v in p.items()}
    floats = {k: v if low or v.dtype != torch.float32 else v.double() for k, v in batch.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
        loss = model(p, floats)
    return dict(zip(p, (g.double() for g in torch.autograd.grad(loss, list(p.values())))))


def errors(name, model):
    """For each parameter, the error of its gradient over its norm, as a root mean square over batches."""
    found = {}
    for at in ("init/", "final/"):
        p, batches = recorded(name, at)
        for step in range(steps):
            batch = {k: v[step] for k, v in batches.items()}
            low, exact = gradients(p, batch, model, True), gradients(p, batch, model, False)
            for k in p:
                off = ((low[k] - exact[k]).norm() / exact[k].norm()).item()
                found[at + k] = found.get(at + k, 0) + off * off / steps
    return {k: float(f"{math.sqrt(v):.4g}") for k, v in found.items()}


def at_least_f32(logits):
    return logits if logits.dtype == torch.float64 else logits.float()


def convnet(p, b):
    h = F.max_pool2d(F.relu(F.conv2d(b["x"], p["0.weight"], p["0.bias"], padding=1)), 2)
    h = F.max_pool2d(F.relu(F.conv2d(h, p["3.weight"], p["3.bias"], padding=1)), 2)
    return F.cross_entropy(at_least_f32(F.linear(h.flatten(1), p["7.weight"], p["7.bias"])), b["y"].long())


def gpt(p, b):
    ids = b["ids"].long()
    h = F.embedding(ids, p["tok.weight"]) + p["pos.weight"][: ids.shape[1]]
    norm = lambda h, name: F.layer_norm(h, h.shape[-1:], p[name + ".weight"], p[name + ".bias"])
    linear = lambda h, name: F.linear(h, p[name + ".weight"], p[name + ".bias"])
    for i in range(2):
        at = f"blocks.{i}."
        q, k, v = (x.unflatten(-1, (4, 8)).transpose(1, 2) for x in linear(norm(h, at + "ln1"), at + "qkv").chunk(3, -1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        h = h + linear(mixed, at + "proj")
        h = h + linear(F.gelu(linear(norm(h, at + "ln2"), at + "up")), at + "down")
    logits = F.linear(norm(h, "ln"), p["head.weight"])
    return F.cross_entropy(at_least_f32(logits).reshape(-1, 29), b["targets"].long().reshape(-1))


def warmup_cosine(step):
    if step < 10:
        return 3e-3 * (step + 1) / 10
    return 3e-4 + (3e-3 - 3e-4) * (1 + math.cos(math.pi * (step - 10) / (120 - 10))) / 2


found = {"steps": steps}
p, batches = recorded("convnet_momentum")
found["convnet_momentum"] = run(p, batches, convnet, torch.optim.SGD(p.values(), lr=0.05, momentum=0.9, weight_decay=0.001))
p, batches = recorded("gpt_adamw")
found["gpt_adamw"] = run(p, batches, gpt, torch.optim.AdamW(p.values(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1), warmup_cosine, 1.0)
found["gradients"] = {"convnet_momentum": errors("convnet_momentum", convnet), "gpt_adamw": errors("gpt_adamw", gpt)}
print(json.dumps(found))
