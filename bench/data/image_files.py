"""Reads what BenchmarkImages of data/images reads with Pillow: photographs of 500 × 375
pixels, cropped to 224 × 224, on one core. Prints lines like those of go test -bench."""

import os
import sys
import tempfile
import time

import numpy as np
from PIL import Image, ImageOps

N, WIDTH, HEIGHT = 64, 500, 375

with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    x, y, c = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT), np.arange(3))
    pixels = 128 + 80 * np.sin(x / 30 + c) * np.cos(y / 20) + 40 * np.sin(x * y / 900)
    paths = [os.path.join(folder, f"{i:02}.jpg") for i in range(N)]
    for path in paths:
        Image.fromarray(pixels.astype(np.uint8)).save(path, quality=90)
    runs, begin = 0, time.perf_counter()
    while runs == 0 or time.perf_counter() - begin < 0.5:
        for path in paths:
            with Image.open(path) as image:
                np.asarray(ImageOps.fit(image.convert("RGB"), (224, 224), Image.Resampling.BILINEAR)).transpose(2, 0, 1).copy()
        runs += 1
    seconds = (time.perf_counter() - begin) / runs
    print(f"BenchmarkImages/Pillow {runs} {seconds * 1e9:.0f} ns/op {N * WIDTH * HEIGHT * 3 / seconds / 1e6:.2f} MB/s {N / seconds:.1f} images/s")
