"""Train a bundled classifier on `shapes`: `python -m benchmark.classifiers.train mini-resnet`.

Writes `weights/NAME.safetensors` and `weights/NAME.log.jsonl` beside this file. The validation
pictures are never seen: progress is measured on a third draw, `development`.
"""

import json
import sys
import time
from multiprocessing import Pool

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from benchmark.classifiers.bundled import ARCHITECTURES, MEAN, STD, WEIGHTS
from benchmark.datasets import shapes
from benchmark.weights import to_save

TRAINING_SIZE, DEVELOPMENT_SIZE = 24_000, 1_000
BATCH = 96
EPOCHS = {"mini-resnet": 16, "mini-vit": 18}
PEAK_RATE = {"mini-resnet": 3e-3, "mini-vit": 2e-3}
HALVED = frozenset({"mini-vit"})
"""Saved in 16 bits, to keep the project's weights within 25 MB; computed with in 32."""


def _draw(key: tuple[str, int]) -> NDArray[np.uint8]:
    return shapes.draw((shapes.SEED, *key), key[1] % len(shapes.CLASSES))


def pictures(split: str, count: int, processes: int = 2) -> tuple[Tensor, Tensor]:
    """`count` pictures (n, 3, 64, 64) in bytes and their labels."""
    with Pool(processes) as pool:
        drawn = pool.map(_draw, [(split, i) for i in range(count)], chunksize=200)
    x = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).contiguous()
    return x, torch.arange(count) % len(shapes.CLASSES)


def augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """One of the 8 symmetries, one order of the channels, a brightness and a contrast a batch."""
    turn, mirror = (
        torch.randint(0, 4, (1,), generator=generator),
        torch.rand(1, generator=generator),
    )
    x = torch.rot90(x, int(turn), (2, 3))
    x = x.flip(3) if mirror < 0.5 else x
    x = x[:, torch.randperm(3, generator=generator)]
    contrast = 0.8 + 0.4 * torch.rand(len(x), 1, 1, 1, generator=generator)
    shift = 0.1 * (torch.rand(len(x), 3, 1, 1, generator=generator) - 0.5)
    return ((x - 0.5) * contrast + 0.5 + shift).clamp(0, 1)


def normalize(x: Tensor) -> Tensor:
    """The input range of the bundled classifiers."""
    return (x - MEAN[0]) / STD[0]


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of `x` (bytes) that the network gets right."""
    network.eval()
    with torch.no_grad():
        right = [
            int((network(normalize(part / 255)).argmax(1) == target).sum())
            for part, target in zip(torch.split(x, 250), torch.split(y, 250), strict=True)
        ]
    return sum(right) / len(x)


def train(name: str, say: Console) -> None:
    """Train `name` from the seed and save its weights and log."""
    torch.manual_seed(shapes.SEED)
    generator = torch.Generator().manual_seed(shapes.SEED)
    network = ARCHITECTURES[name]()
    x, y = pictures("training", TRAINING_SIZE)
    x_dev, y_dev = pictures("development", DEVELOPMENT_SIZE)
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE[name], weight_decay=0.05)
    batches = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE[name], total_steps=EPOCHS[name] * batches, pct_start=0.2
    )
    log = []
    started = time.monotonic()
    for epoch in range(EPOCHS[name]):
        network.train()
        total = 0.0
        for index in torch.randperm(len(x), generator=generator).view(batches, BATCH):
            logits = network(normalize(augment(x[index] / 255, generator)))
            loss = functional.cross_entropy(logits, y[index])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        row = {
            "epoch": epoch + 1,
            "loss": round(total / batches, 5),
            "development_accuracy": accuracy(network, x_dev, y_dev),
            "seconds": round(time.monotonic() - started),
        }
        log.append(json.dumps(row))
        say.print(log[-1])
    weights = to_save(network.state_dict(), half=name in HALVED)
    save_file(weights, WEIGHTS / f"{name}.safetensors")
    (WEIGHTS / f"{name}.log.jsonl").write_text("\n".join(log) + "\n")


if __name__ == "__main__":
    train(sys.argv[1], Console())
