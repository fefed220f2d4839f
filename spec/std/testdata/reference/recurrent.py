"""Computes recurrent.json: what PyTorch gives for RNN, GRU and LSTM and their cells, with
all gradients. python3 recurrent.py > recurrent.json

All is computed in float64. Each case has a node of a spec, the inputs, the parameters under
PyTorch's names, the outputs, and the gradients of sum(out²) + sum(sin(h_n)) + sum(c_n³)."""

import json
import torch
from torch import nn

torch.manual_seed(0)


def numbers(t):
    return {"shape": list(t.shape), "values": t.detach().flatten().tolist()}


def case(node, module, inputs, run):
    inputs = {name: x.requires_grad_() for name, x in inputs.items()}
    out = run(module, *inputs.values())
    loss = (out["out"] ** 2).sum()
    if "h_n" in out:
        loss = loss + torch.sin(out["h_n"]).sum()
    if "c_n" in out:
        loss = loss + (out["c_n"] ** 3).sum()
    loss.backward()
    params = dict(module.named_parameters())
    return {"node": node, "inputs": {n: numbers(x) for n, x in inputs.items()}, "params": {n: numbers(p) for n, p in params.items()},
            "outputs": {n: numbers(o) for n, o in out.items()},
            "grads": {n: numbers(v.grad) for n, v in {**inputs, **params}.items()}}


def sequence(module, x):
    out, last = module(x)
    if isinstance(last, tuple):
        return {"out": out, "h_n": last[0], "c_n": last[1]}
    return {"out": out, "h_n": last}


def cells(module, x, h, c=None):
    kept = []
    for t in range(x.shape[1]):
        if c is None:
            h = module(x[:, t], h)
        else:
            h, c = module(x[:, t], (h, c))
        kept.append(h)
    return {"out": torch.stack(kept, 1)} | ({} if c is None else {"c_n": c})


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


cases = []
for name, arguments, text in [
    ("LSTM", {}, ""),
    ("LSTM", {"num_layers": 3, "bidirectional": True, "batch_first": True}, ", num_layers: 3, bidirectional: true, batch_first: true"),
    ("LSTM", {"bias": False, "bidirectional": True}, ", bias: false, bidirectional: true"),
    ("GRU", {"num_layers": 2, "bidirectional": True}, ", num_layers: 2, bidirectional: true"),
    ("GRU", {"bias": False, "batch_first": True}, ", bias: false, batch_first: true"),
    ("RNN", {"num_layers": 2, "batch_first": True}, ", num_layers: 2, batch_first: true"),
    ("RNN", {"nonlinearity": "relu", "bidirectional": True}, ", nonlinearity: relu, bidirectional: true"),
]:
    module = getattr(nn, name)(3, 2, dtype=torch.float64, **arguments)
    cases.append(case(f"{{{name}: x, hidden_size: 2, dtype: f64{text}}}", module, {"x": draw(4, 5, 3)}, sequence))
for name, arguments, text in [("LSTM", {}, ""), ("GRU", {"bias": False}, ", bias: false"), ("RNN", {"nonlinearity": "relu"}, ", nonlinearity: relu")]:
    module = getattr(nn, name + "Cell")(3, 2, dtype=torch.float64, **arguments)
    inputs = {"x": draw(2, 12, 3), "h_0": draw(2, 2)} | ({"c_0": draw(2, 2)} if name == "LSTM" else {})
    scan = "{dim: 1, last: c}" if name == "LSTM" else "1"
    cases.append(case(f"{{{name}Cell: [{', '.join(inputs)}], dtype: f64, scan: {scan}{text}}}", module, inputs, cells))


def packed(module, x, *first):
    """Goes along max(i, 1) positions of example i, if LENGTHS, from the states first."""
    first = None if not first else first[0] if len(first) == 1 else first
    if not LENGTHS:
        out, last = module(x, first)
    else:
        batch = 0 if module.batch_first else 1
        lengths = torch.arange(x.shape[batch]).clamp(min=1)
        rows = nn.utils.rnn.pack_padded_sequence(x, lengths, module.batch_first, enforce_sorted=False)
        out, last = module(rows, first)
        out, _ = nn.utils.rnn.pad_packed_sequence(out, module.batch_first, total_length=x.shape[1 - batch])
    return {"out": out, "h_n": last[0], "c_n": last[1]} if isinstance(last, tuple) else {"out": out, "h_n": last}


for name, arguments, text, states, LENGTHS in [
    ("LSTM", {"proj_size": 1, "num_layers": 2, "bidirectional": True}, "proj_size: 1, num_layers: 2, bidirectional: true", True, False),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}, "num_layers: 2, bidirectional: true, batch_first: true", True, True),
    ("LSTM", {"proj_size": 1}, "proj_size: 1", False, True),
    ("GRU", {"num_layers": 2, "bidirectional": True}, "num_layers: 2, bidirectional: true", True, True),
    ("RNN", {"num_layers": 2, "bidirectional": True, "batch_first": True}, "num_layers: 2, bidirectional: true, batch_first: true", True, True),
]:
    module = getattr(nn, name)(3, 2, dtype=torch.float64, **arguments)
    x = draw(5, 4, 3) if module.batch_first else draw(4, 5, 3)
    rows = module.num_layers * (2 if module.bidirectional else 1)
    inputs = {"x": x}
    if states:
        inputs["h_0"] = draw(rows, 5, module.proj_size or 2)
        text += ", h_0: h_0"
    if states and name == "LSTM":
        inputs["c_0"] = draw(rows, 5, 2)
        text += ", c_0: c_0"
    if LENGTHS:
        text += ', lengths: "maximum(arange(5), 1)"'
    cases.append(case(f"{{{name}: x, hidden_size: 2, dtype: f64, {text}}}", module, inputs, packed))
print(json.dumps(cases))
