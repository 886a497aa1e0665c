"""`python -m benchmark.bench.judging`: what judging adds to a codec's own work, as ratios.

JPEG against Pillow encoding and decoding the same pictures in as many threads; learned codecs
against the forward pass of the very compressai model that they hold. Memory is kept as in a worker.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
import torch
from compressai.models import (  # type: ignore[import-untyped]
    CompressionModel,
    FactorizedPrior,
    MeanScaleHyperprior,
)
from numpy.typing import NDArray
from PIL import Image

from benchmark import datasets
from benchmark.bench.timing import CLOCKS, Contender
from benchmark.classifiers import Recipe
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.pillow import Jpeg
from benchmark.draws import seeded
from benchmark.geometry import from_bytes, to_bytes
from benchmark.judge import Judge
from benchmark.memory import keep_freed
from benchmark.protocol import DatasetSpec
from benchmark.tensors import Images, Logits

QUALITY = 25
RECIPE = Recipe(256, 224, "bicubic", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
LEARNED: Mapping[str, tuple[Callable[[], CompressionModel], int]] = {
    "bmshj2018-factorized": (lambda: FactorizedPrior(128, 192), 16),
    "mbt2018-mean": (lambda: MeanScaleHyperprior(128, 192), 64),
}
"""Models of compressai at the size of their lower qualities, and what their sides divide by."""


@dataclass(frozen=True)
class JudgingRow:
    """Least seconds of our part and of the peer's, for all the images, and ours over theirs."""

    what: str
    peer: str
    images: int
    seconds: float
    peer_seconds: float
    ratio: float


def photographs(images: int) -> Images:
    """The bundled photographs at 224 pixels, over again until there are as many as asked for."""
    found = datasets.find(DatasetSpec(name="photos"))
    ids = [i % len(found) for i in range(images)]
    return from_bytes(torch.stack([RECIPE.prepare(found.read(i), found.ids[i]) for i in ids]))


def _no_classifier(x: Images) -> Logits:
    return torch.zeros(len(x), 2)


def _judged_jpeg(x: Images) -> Contender:
    """All that happens to a batch between the attack and the classifier."""
    judge, pixels, y = Judge(_no_classifier, Jpeg(QUALITY)), to_bytes(x), torch.zeros(len(x)).long()

    def run() -> Images:
        judge(pixels, y)
        return x

    return Contender(run)


def _pillow(x: Images, threads: int) -> Contender:
    """Pillow's own work on pictures that are in its own layout already."""
    arrays = list(to_bytes(x).permute(0, 2, 3, 1).contiguous().numpy())

    def one(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        file = io.BytesIO()
        Image.fromarray(array).save(file, "JPEG", quality=QUALITY)
        return np.asarray(Image.open(file))

    def run() -> Images:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, arrays))
        return x

    return Contender(run)


def _without_gradient(function: Callable[[Images], Images], x: Images) -> Contender:
    def run() -> Images:
        with torch.no_grad():
            return function(x)

    return Contender(run)


def _bare(codec: LearnedCodec) -> Callable[[Images], Images]:
    def forward(x: Images) -> Images:
        x_hat: Images = codec.model(x)["x_hat"]
        return x_hat

    return forward


def pairs(images: int, threads: int) -> Iterator[tuple[str, str, Contender, Contender]]:
    """What is measured, its peer, and both to run."""
    x = photographs(images)
    yield f"judging JPEG q{QUALITY}", "Pillow", _judged_jpeg(x), _pillow(x, threads)
    few = torch.nn.functional.pad(x[: -(-images // 4)], (16, 16, 16, 16), mode="reflect")
    for name, (make, stride) in LEARNED.items():
        with seeded(name):
            model = make()
        codec = LearnedCodec(model, stride)
        ours, theirs = _without_gradient(codec.forward, few), _without_gradient(_bare(codec), few)
        yield f"forward of {name}", "compressai", ours, theirs


def measure(images: int, threads: int, repeats: int, clock: str) -> Iterator[JudgingRow]:
    """One row for each pair. Both take turns, so that noise meets both."""
    for what, peer, ours, theirs in pairs(images, threads):
        for _ in range(repeats):
            for contender in (ours, theirs):
                contender.time(CLOCKS[clock])
        count = 0 if ours.x_adv is None else len(ours.x_adv)
        ratio = ours.seconds / theirs.seconds
        yield JudgingRow(what, peer, count, ours.seconds, theirs.seconds, ratio)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    keep_freed()
    torch.set_num_threads(given.threads)
    for row in measure(given.images, given.threads, given.repeats, given.clock):
        line = (
            f"{row.what}: {row.images} pictures in {row.seconds:.3f} s, {row.peer} "
            f"{row.peer_seconds:.3f} s, {row.ratio:.2f} times"
        )
        sys.stdout.write((json.dumps(asdict(row)) if given.json else line) + "\n")


if __name__ == "__main__":
    main()
