"""The training run of graphs/math_net.yaml in PyTorch, with one Python call per step.

    python torch_steps.py [--compile] --max-steps N

Eager is the usual loop: modules, autograd, torch.optim. With --compile, the step is a
function from weights to weights, which suits torch.compile best. Compilation and the
first steps are not timed.
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F

BITS, HIDDEN, LR, DECAY = 4, 16, 0.1, 0.999


def bits_of(n, count):
    """The bits of n [1], lowest first: f32[1, count]."""
    return ((n[:, None] >> torch.arange(count)) & 1).float()


def problem():
    """Draws two numbers. Returns their bits [1, 8] and the bits of their sum [1, 5]."""
    n = torch.randint(0, 2**BITS, (2, 1))
    return torch.cat([bits_of(n[0], BITS), bits_of(n[1], BITS)], -1), bits_of(n[0] + n[1], BITS + 1)


def network():
    return nn.Sequential(
        nn.Linear(2 * BITS, HIDDEN, bias=False), nn.SiLU(),
        nn.Linear(HIDDEN, HIDDEN, bias=False), nn.SiLU(),
        nn.Linear(HIDDEN, BITS + 1, bias=False),
    )


def averages(sums, step, loss, y, target):
    """Updates the averages of loss and accuracy: (sums [2], means [2])."""
    now = torch.stack([loss, ((y - target).abs() < 0.5).float().mean()])
    sums = DECAY * sums + (1 - DECAY) * now
    return sums, sums / (1 - DECAY**step)


class Eager:
    def __init__(self):
        self.net = network()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=LR)
        self.sums = torch.zeros(2)
        self.count = 0

    def step(self):
        """A step: the averaged loss and accuracy [2]."""
        self.count += 1
        x, target = problem()
        y = self.net(x)
        loss = F.mse_loss(y, target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.sums, means = averages(self.sums, self.count, loss, y, target)
        return means


class Compiled:
    def __init__(self):
        self.weights = [p.detach() for p in network().parameters()]
        self.sums = torch.zeros(2)
        self.count = torch.zeros(())
        self.update = torch.compile(self.function, fullgraph=True)

    @staticmethod
    def function(weights, sums, count):
        def loss_of(weights):
            w1, w2, w3 = weights
            y = F.silu(F.silu(x @ w1.T) @ w2.T) @ w3.T
            return F.mse_loss(y, target), y

        x, target = problem()
        grads, (loss, y) = torch.func.grad_and_value(loss_of, has_aux=True)(weights)
        count = count + 1
        sums, means = averages(sums, count, loss, y, target)
        return [w - LR * g for w, g in zip(weights, grads)], sums, count, means

    def step(self):
        """A step: the averaged loss and accuracy [2]."""
        with torch.no_grad():
            self.weights, self.sums, self.count, means = self.update(self.weights, self.sums, self.count)
        return means


def run(trainer, limit):
    """Trains until the stop condition holds: (steps, whether it held, means [2])."""
    for step in range(1, limit + 1):
        means = trainer.step()
        if step >= 1000 and means[1].item() >= 0.995:
            return step, True, means
    return limit, False, means


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--max-steps", type=int, required=True)
    options = parser.parse_args()
    trainer = Compiled if options.compile else Eager

    torch.set_num_threads(1)
    torch.manual_seed(7)
    run(trainer(), 100)

    fresh = trainer()
    start = time.perf_counter()
    steps, stop, means = run(fresh, options.max_steps)
    seconds = time.perf_counter() - start
    loss, accuracy = means.tolist()
    print(json.dumps({
        "steps": steps,
        "stopped": "until" if stop else "max_steps",
        "seconds": seconds,
        "metrics": {"loss": loss, "accuracy": accuracy},
        "version": f"torch {torch.__version__}",
    }))


main()
