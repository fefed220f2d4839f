"""Reads files like those of BenchmarkCSV of data/csv with pandas, into the same types on
one core: 20 MB of numbers, and 20 MB of numbers, texts and bools. Prints lines like those of
go test -bench."""

import csv
import os
import random
import sys
import tempfile
import time

import pandas as pd

SIZE = 20 << 20


def write(path, mixed):
    g = random.Random(1)
    colours = ["red", "green", "dark, blue", "yellow"]
    with open(path, "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow("abcdefgh")
        while f.tell() < SIZE:
            for _ in range(1000):
                row = [f"{g.gauss(0, 1):.6f}" for _ in range(3)]
                if mixed:
                    row += [g.randrange(1000000) for _ in range(3)] + [g.choice(colours), g.choice(["true", "false"])]
                else:
                    row += [f"{g.gauss(0, 1):.6f}" for _ in range(3)] + [f"{g.random() * 100:.4f}", f"{g.gauss(0, 1000):.4f}"]
                w.writerow(row)


def measure(name, path, **types):
    runs, begin = 0, time.perf_counter()
    while runs == 0 or time.perf_counter() - begin < 0.5:
        pd.read_csv(path, **types)
        runs += 1
    ns = (time.perf_counter() - begin) / runs * 1e9
    print(f"BenchmarkCSV/pandas-{name} {runs} {ns:.0f} ns/op {os.path.getsize(path) / ns * 1e3:.2f} MB/s")


with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    path = os.path.join(folder, "a.csv")
    write(path, False)
    measure("numbers", path, dtype="f4")
    write(path, True)
    measure("mixed", path, dtype={"a": "f4", "b": "f4", "c": "f4", "d": "i8", "e": "i8", "f": "i8", "g": "category", "h": "bool"})
