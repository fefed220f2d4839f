"""The training run of graphs/math_net.yaml in JAX, with the whole loop compiled.

    JAX_PLATFORMS=cpu python jax_loop.py --max-steps N

Compilation is not timed: the loop is compiled ahead of time, and run once for a few
steps, before the clock starts.
"""

import argparse
import json
import math
import time

import jax
import jax.numpy as jnp
from jax import lax

BITS, HIDDEN, LR, DECAY = 4, 16, 0.1, 0.999


def bits_of(n, count):
    """The bits of n [1], lowest first: f32[1, count]."""
    return ((n[:, None] >> jnp.arange(count)) & 1).astype(jnp.float32)


def problem(key, step):
    """Draws the numbers of a step. Returns their bits [1, 8] and the bits of their sum [1, 5]."""
    n = jax.random.randint(jax.random.fold_in(key, step), (2, 1), 0, 2**BITS)
    return jnp.concatenate([bits_of(n[0], BITS), bits_of(n[1], BITS)], -1), bits_of(n[0] + n[1], BITS + 1)


def loss_of(weights, x, target):
    """The mean squared error f32[] and the fraction of correct bits f32[]."""
    w1, w2, w3 = weights
    y = jax.nn.silu(jax.nn.silu(x @ w1.T) @ w2.T) @ w3.T
    return jnp.mean((y - target) ** 2), jnp.mean(jnp.abs(y - target) < 0.5)


def train(weights, key, max_steps):
    """Trains until the stop condition holds: (steps, stopped, loss, accuracy)."""

    def more(carry):
        step, stop, *_ = carry
        return (step < max_steps) & ~stop

    def body(carry):
        step, _, weights, sums, _ = carry
        (loss, accuracy), grads = jax.value_and_grad(loss_of, has_aux=True)(weights, *problem(key, step))
        weights = [w - LR * g for w, g in zip(weights, grads)]
        step += 1
        sums = DECAY * sums + (1 - DECAY) * jnp.stack([loss, accuracy])
        means = sums / (1 - DECAY ** step.astype(jnp.float32))
        return step, (step >= 1000) & (means[1] >= 0.995), weights, sums, means

    begin = (jnp.int32(0), jnp.bool_(False), weights, jnp.zeros(2), jnp.zeros(2))
    step, stop, _, _, means = lax.while_loop(more, body, begin)
    return step, stop, means[0], means[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-steps", type=int, required=True)
    limit = parser.parse_args().max_steps

    key, *init = jax.random.split(jax.random.key(7), 4)
    shapes = [(HIDDEN, 2 * BITS), (HIDDEN, HIDDEN), (BITS + 1, HIDDEN)]
    weights = [
        jax.random.uniform(k, s, minval=-1 / math.sqrt(s[1]), maxval=1 / math.sqrt(s[1]))
        for k, s in zip(init, shapes)
    ]
    compiled = jax.jit(train).lower(weights, key, jnp.int32(limit)).compile()
    jax.block_until_ready(compiled(weights, key, jnp.int32(100)))

    start = time.perf_counter()
    step, stop, loss, accuracy = jax.block_until_ready(compiled(weights, key, jnp.int32(limit)))
    seconds = time.perf_counter() - start
    print(json.dumps({
        "steps": int(step),
        "stopped": "until" if stop else "max_steps",
        "seconds": seconds,
        "metrics": {"loss": float(loss), "accuracy": float(accuracy)},
        "version": f"jax {jax.__version__}",
    }))


main()
