"""Computes updates.json: step by step, a GAN and an actor-critic with target networks (TD3's delayed
updates, DDPG's networks), trained by loops as they are written by hand, with PyTorch in float64.
python3 updates.py > updates.json"""

import json
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
STEPS = 8


def draw(*size):
    return (torch.randn(*size) * 32).round().clamp(-100, 100) / 32


def numbers(t):
    return {"shape": list(t.shape), "values": t.detach().double().flatten().tolist()}


class Net(torch.nn.Module):
    def __init__(self, n, out):
        super().__init__()
        self.a, self.b = torch.nn.Linear(n, 5), torch.nn.Linear(5, out)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(draw(*p.shape) / 2)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


def run(nets, batches, step):
    first = {f"{n}.{k}": numbers(v) for n, m in nets.items() for k, v in m.named_parameters()}
    losses, after = [], []
    for i in range(STEPS):
        losses.append([float(v) for v in step(i + 1, *(b[i] for b in batches.values()))])
        after.append({f"{n}.{k.removeprefix('module.')}": numbers(v) for n, m in nets.items() for k, v in m.named_parameters()})
    return {"batches": {k: numbers(v) for k, v in batches.items()}, "first": first, "losses": losses, "after": after}


def gan():
    g, d = Net(3, 2), Net(2, 1)
    og = torch.optim.Adam(g.parameters(), lr=0.02, betas=(0.5, 0.9))
    od = torch.optim.Adam(d.parameters(), lr=0.05, betas=(0.5, 0.9))
    last = 0.0

    def step(i, real, noise):
        nonlocal last
        loss_d = F.softplus(-d(real)).mean() + F.softplus(d(g(noise).detach())).mean()
        od.zero_grad()
        loss_d.backward()
        od.step()
        if i % 2 == 0:
            last = F.softplus(-d(g(noise))).mean()
            og.zero_grad()
            last.backward()
            og.step()
        return loss_d, last

    return run({"g": g, "d": d}, {"real": draw(STEPS, 6, 2), "noise": draw(STEPS, 6, 3)}, step)


def actor_critic():
    actor, critic = Net(3, 2), Net(5, 1)
    actor_t, critic_t = Net(3, 2), Net(5, 1)
    actor_t.load_state_dict(actor.state_dict())
    critic_t.load_state_dict(critic.state_dict())
    oa = torch.optim.AdamW(actor.parameters(), lr=0.02, weight_decay=0.125)
    oc = torch.optim.SGD(critic.parameters(), lr=0.05, momentum=0.5)
    ema = AveragedModel(actor, multi_avg_fn=get_ema_multi_avg_fn(0.75))
    last = 0.0

    def step(i, s, a, r, s2):
        nonlocal last
        with torch.no_grad():
            want = r + 0.875 * critic_t(torch.cat([s2, torch.tanh(actor_t(s2))], 1))
        loss_c = F.mse_loss(critic(torch.cat([s, a], 1)), want)
        oc.zero_grad()
        loss_c.backward()
        torch.nn.utils.clip_grad_norm_(critic.parameters(), 1.0)
        oc.step()
        if i % 2 == 0:
            last = -critic(torch.cat([s, torch.tanh(actor(s))], 1)).mean()
            oa.zero_grad()
            last.backward()
            oa.step()
            with torch.no_grad():
                for net, target in ((actor, actor_t), (critic, critic_t)):
                    for p, q in zip(net.parameters(), target.parameters()):
                        q.lerp_(p, 0.25)
        ema.update_parameters(actor)
        return loss_c, last

    nets = {"actor": actor, "critic": critic, "actor_t": actor_t, "critic_t": critic_t, "ema": ema}
    return run(nets, {"s": draw(STEPS, 6, 3), "a": draw(STEPS, 6, 2), "r": draw(STEPS, 6, 1), "s2": draw(STEPS, 6, 3)}, step)


print(json.dumps({"gan": gan(), "actor_critic": actor_critic()}))
