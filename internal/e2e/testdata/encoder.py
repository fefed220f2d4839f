"""Writes the state dict of a small nn.TransformerEncoder of PyTorch, with an input and what
it answers, into FILE: for the rename recipe of docs/weights.md.

  python internal/e2e/testdata/encoder.py FILE          (torch 2.15.0)
"""
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(0)
layer = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0, activation="gelu", batch_first=True, norm_first=True)
model = torch.nn.Module()
model.tok = torch.nn.Embedding(11, 8)
model.encoder = torch.nn.TransformerEncoder(layer, 2, norm=torch.nn.LayerNorm(8), enable_nested_tensor=False)
for p in model.parameters():
    torch.nn.init.normal_(p, 0, 0.3)
ids = torch.randint(0, 11, (2, 5))
mask = torch.nn.Transformer.generate_square_subsequent_mask(5)
with torch.no_grad():
    logits = model.encoder(model.tok(ids), mask=mask, is_causal=True) @ model.tok.weight.T
tensors = {"model." + k: v.clone() for k, v in model.state_dict().items()}
save_file(tensors | {"ids": ids.int(), "logits": logits}, sys.argv[1])
print(list(tensors))
