"""Measures PyTorch on a GPU with the same work as BenchmarkKernelsOnAGPU.

    python bench/gpu/peers.py

Prints one JSON object per line. Times are medians of seven runs of twenty calls,
each run timed by events; matrix products are in strict f32 (no tf32).
"""

import json
import statistics

import torch


def seconds(f, times=20):
    """Seconds per call of f, after a warm-up."""
    for _ in range(3):
        f()
    took = []
    for _ in range(7):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(times):
            f()
        end.record()
        torch.cuda.synchronize()
        took.append(start.elapsed_time(end) / 1e3 / times)
    return statistics.median(took)


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    x, y = (torch.rand(8192, 4096, device="cuda") for _ in range(2))
    out = torch.empty_like(x)
    weight, bias = (torch.rand(4096, device="cuda") for _ in range(2))
    size = 4 * x.numel()
    for name, moved, f in [
        ("copy", 2 * size, lambda: out.copy_(x)),
        ("add", 3 * size, lambda: torch.add(x, y, out=out)),
        ("silu", 2 * size, lambda: torch.nn.functional.silu(x)),
        ("exp", 2 * size, lambda: torch.exp(x, out=out)),
        ("sum dim 1", size, lambda: x.sum(1)),
        ("sum dim 0", size, lambda: x.sum(0)),
        ("softmax", 2 * size, lambda: torch.softmax(x, 1)),
        ("layer_norm", 2 * size, lambda: torch.nn.functional.layer_norm(x, (4096,), weight, bias)),
    ]:
        print(json.dumps({"what": name, "TB/s": round(moved / seconds(f) / 1e12, 3)}), flush=True)
    for n in (1024, 4096):
        a, b = (torch.rand(n, n, device="cuda") for _ in range(2))
        c = torch.empty_like(a)
        print(json.dumps({"what": f"matmul {n}", "TFLOP/s": round(2 * n**3 / seconds(lambda: torch.matmul(a, b, out=c)) / 1e12, 2)}), flush=True)


if __name__ == "__main__":
    main()
