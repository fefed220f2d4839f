"""Compares matrix products and convolutions on the CPU with PyTorch's.

    bench/setup
    bench/.venv/bin/python bench/cpu/peers.py [--rounds 7] [--threads 1,2] [--only TEXT]

Each round measures a case here (BenchmarkMatmul and BenchmarkConvolution of package
kernels/cpu) and then in PyTorch, on as many threads. Prints GFLOP/s of both, medians over
the rounds, and the ratio: above 1, flowrun is faster.
"""

import argparse
import math
import os
import re
import statistics
import subprocess
import tempfile
import time

import torch

# m, k, n, and whether the operands lie transposed.
PRODUCTS = [((n, n, n), (False, False)) for n in (64, 256, 512, 1024, 2048)]
PRODUCTS += [(s, t) for s in ((768, 128, 512), (768, 512, 128), (128, 784, 512), (512, 128, 784), (128, 512, 10), (1, 512, 512))
             for t in ((False, False), (False, True), (True, False))]
# batch, groups, channels of a group in x and y, size, taps, stride
CONVOLUTIONS = [(100, 1, 1, 16, 28, 3, 1), (100, 1, 16, 32, 14, 3, 1), (16, 1, 64, 64, 28, 3, 1), (16, 1, 64, 256, 28, 1, 1), (16, 64, 1, 1, 28, 3, 1)]


def seconds(f):
    """The best of five times per call of f, of about 20 ms each."""
    f()
    start = time.perf_counter()
    f()
    times = max(1, int(0.02 / (time.perf_counter() - start)))
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(times):
            f()
        best = min(best, (time.perf_counter() - start) / times)
    return best


def product(shape, transposed):
    m, k, n = shape
    a = torch.rand(k, m).T if transposed[0] else torch.rand(m, k)
    b = torch.rand(n, k).T if transposed[1] else torch.rand(k, n)
    out = torch.empty(m, n)
    return 2 * m * k * n / seconds(lambda: torch.mm(a, b, out=out)) / 1e9


def convolution(c):
    batch, groups, into, outof, size, taps, stride = c
    x, w = torch.rand(batch, groups * into, size, size), torch.rand(groups * outof, into, taps, taps)
    f = lambda: torch.nn.functional.conv2d(x, w, stride=stride, padding=(taps - 1) // 2, groups=groups)
    return 2 * f().numel() * into * taps * taps / seconds(f) / 1e9


def cases():
    """Names of Go's benchmarks, with the same work in PyTorch."""
    for shape, t in PRODUCTS:
        name = "Matmul/[%d_%d_%d]_[%s_%s]" % (*shape, str(t[0]).lower(), str(t[1]).lower())
        yield name, lambda shape=shape, t=t: product(shape, t)
    for c in CONVOLUTIONS:
        yield "Convolution/{%s}" % "_".join(map(str, c)), lambda c=c: convolution(c)


def ours(binary, name, threads):
    pattern = "/".join("^%s$" % re.escape(part) for part in name.split("/"))
    env = dict(os.environ, GOMAXPROCS=str(threads))
    out = subprocess.run([binary, "-test.run=^$", "-test.bench=Benchmark" + pattern.replace("^", "", 1), "-test.benchtime=20ms", "-test.count=5"],
                         check=True, capture_output=True, text=True, env=env).stdout
    return max(float(x) for x in re.findall(r"([\d.]+) GFLOP/s", out))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--threads", default="1,2")
    options.add_argument("--only", default="")
    options = options.parse_args()
    root = os.path.join(os.path.dirname(__file__), "..", "..")
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "kernels.test")
        subprocess.run(["go", "test", "-c", "-o", binary, "./kernels/cpu"], check=True, cwd=root)
        for threads in map(int, options.threads.split(",")):
            torch.set_num_threads(threads)
            ratios = []
            for name, theirs in cases():
                if options.only not in name:
                    continue
                rounds = [(ours(binary, name, threads), theirs()) for _ in range(options.rounds)]
                a, b = (statistics.median(side) for side in zip(*rounds))
                ratios.append(statistics.median(x / y for x, y in rounds))
                print("%d thread(s)  %-45s %8.1f %8.1f  %5.2f" % (threads, name, a, b, ratios[-1]), flush=True)
            if ratios:
                print("%d thread(s)  geometric mean of the ratios: %.2f" % (threads, math.exp(statistics.mean(map(math.log, ratios)))), flush=True)


if __name__ == "__main__":
    main()
