"""Makes the base of graphs/lora.yaml with PyTorch: a classifier of digits that stand
upright.

  python internal/e2e/testdata/digits_base.py GRAPHS FOLDER

It reads the digits in GRAPHS, trains on the first four fifths, and writes into FOLDER
digits_base.safetensors, a state dict of nn.Sequential, and digits_base_logits.safetensors,
with what the model answers for the first eight pictures of the last fifth. Made with torch
2.15.0 (bench/requirements.txt).
"""
import gzip
import os
import sys

import numpy
import torch
from safetensors.torch import save_file

graphs, folder = sys.argv[1:]


def idx(name, header):
    with gzip.open(os.path.join(graphs, name)) as f:
        return torch.from_numpy(numpy.frombuffer(f.read()[header:], "uint8").copy())


torch.manual_seed(0)
torch.set_num_threads(1)
x = idx("digits-images.idx.gz", 16).reshape(-1, 64).float() / 16
y = idx("digits-labels.idx.gz", 8).long()
n = len(x) * 4 // 5
model = torch.nn.Sequential(
    torch.nn.Linear(64, 64), torch.nn.ReLU(),
    torch.nn.Linear(64, 64), torch.nn.ReLU(),
    torch.nn.Linear(64, 10),
)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.1)
for epoch in range(30):
    for rows in torch.randperm(n).split(32):
        loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    upright = (model(x[n:]).argmax(1) == y[n:]).float().mean().item()
    turned = (model(x[n:].reshape(-1, 8, 8).mT.reshape(-1, 64)).argmax(1) == y[n:]).float().mean().item()
    logits = model(x[n : n + 8])
print(f"of those held out, {upright:.4f} are recognized, and {turned:.4f} when they lie on their side")
save_file(model.state_dict(), os.path.join(folder, "digits_base.safetensors"), {"format": "pt"})
save_file({"x": x[n : n + 8].reshape(-1, 8, 8).contiguous(), "logits": logits}, os.path.join(folder, "digits_base_logits.safetensors"))
