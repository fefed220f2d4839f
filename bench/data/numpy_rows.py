"""Reads what BenchmarkNPY of data/npy reads with NumPy: batches of 256 rows of 1 KiB of a
mapped array of 64 MB, in and out of order; and all of it, as opening a file does. Prints lines like those of go test -bench."""

import os
import sys
import tempfile
import time

import numpy as np

EXAMPLES, BATCH, WIDTH = 1 << 16, 256, 256


def measure(name, read, rows=BATCH):
    at, runs, begin = 0, 0, time.perf_counter()
    while time.perf_counter() - begin < 0.5:
        read(at)
        at = (at + BATCH) % EXAMPLES
        runs += 1
    ns = (time.perf_counter() - begin) / runs * 1e9
    print(f"BenchmarkNPY/NumPy-{name} {runs} {ns:.0f} ns/op {rows * WIDTH * 4 / ns * 1e3:.2f} MB/s")


with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    path = os.path.join(folder, "x.npy")
    np.save(path, np.zeros((EXAMPLES, WIDTH), np.float32))
    mapped = np.load(path, mmap_mode="r")
    out = np.empty((BATCH, WIDTH), np.float32)
    order = np.random.default_rng(1).permutation(EXAMPLES)
    measure("f32", lambda at: np.copyto(out, mapped[at : at + BATCH]))
    measure("f32-shuffled", lambda at: np.take(mapped, order[at : at + BATCH], axis=0, out=out, mode="clip"))
    measure("load", lambda at: np.load(path), EXAMPLES)
    del mapped
