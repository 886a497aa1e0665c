"""Codecs whose bits and pictures are known by hand, and pictures to code."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.codec_track.evaluate import CodecHarness, Source, Subject
from benchmark.datasets import Sample
from benchmark.datasets.pictures import Pictures
from benchmark.defense import Codec
from benchmark.geometry import to_bytes
from benchmark.protocol import CodecProtocol
from benchmark.tensors import Images, PerImage

SIDE = 16


class Blocks(Codec):
    """One byte for the mean of each 16x16 block of each channel; padded by repeating the edge."""

    trade_off = 0.01

    def compress(self, x: Images) -> list[bytes]:
        return [to_bytes(one)[0].numpy().tobytes() for one in _means(x).split(1)]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        height, width = size
        rows, columns = -(-height // SIDE), -(-width // SIDE)
        means = torch.stack(
            [torch.frombuffer(bytearray(one), dtype=torch.uint8) for one in streams]
        ).view(len(streams), 3, rows, columns)
        picture = (means / 255).repeat_interleave(SIDE, 2).repeat_interleave(SIDE, 3)
        return picture[..., :height, :width]

    def surrogate(self, x: Images) -> Images:
        height, width = x.shape[-2:]
        means = _means(x).repeat_interleave(SIDE, 2).repeat_interleave(SIDE, 3)
        return means[..., :height, :width]

    def likelihood_bits(self, x: Images) -> PerImage:
        return 8.0 * _means(x).flatten(1).shape[1] + 0 * x.flatten(1).sum(1)


def _means(x: Images) -> Images:
    height, width = x.shape[-2:]
    edges = (0, -width % SIDE, 0, -height % SIDE)
    return functional.avg_pool2d(functional.pad(x, edges, mode="replicate"), SIDE)


class Detailed(Codec):
    """Raw bytes; one more byte for each value that is not its block's mean: noise costs bits."""

    def compress(self, x: Images) -> list[bytes]:
        return [self._raw(one) + bytes(self._details(one)) for one in to_bytes(x)]

    def _raw(self, pixels: Tensor) -> bytes:
        return pixels.numpy().tobytes()

    def _details(self, pixels: Tensor) -> int:
        return int((pixels != pixels.flatten()[0]).sum())

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        values = 3 * size[0] * size[1]
        pixels = [torch.frombuffer(bytearray(s[:values]), dtype=torch.uint8) for s in streams]
        return torch.stack(pixels).view(-1, 3, *size) / 255


def constant(height: int = 20, width: int = 24, n: int = 3) -> Sample:
    """Grey pictures, each of one value."""
    pictures = [np.full((height, width, 3), 100 + 10 * i, np.uint8) for i in range(n)]
    return sample_of(pictures)


def textured(height: int = 20, width: int = 24, n: int = 3) -> Sample:
    """Pictures of noise."""
    draw = np.random.default_rng(3)
    return sample_of([draw.integers(40, 216, (height, width, 3), np.uint8) for _ in range(n)])


def sample_of(pictures: list[Any]) -> Sample:
    """These pictures as a dataset."""
    ids = tuple(f"p{i}" for i in range(len(pictures)))
    return Sample(Pictures("toys", ids, None, lambda i: pictures[i]), "f" * 64)


def protocol(*cells: dict[str, Any], **content: Any) -> CodecProtocol:
    """A protocol of these cells."""
    return CodecProtocol.model_validate(
        {
            "schema": 1,
            "name": "toy",
            "title": "Toy",
            "track": "codec",
            "seed": 1,
            "batch": 4,
            "judge_draws": 4,
            "dataset": {"name": "toys"},
            "cell": tuple(cells),
        }
        | content
    )


NOISE = {"attack": "noise", "access": "noise", "radii": (4.0,)}


def vanilla(*objectives: str, **content: Any) -> dict[str, Any]:
    """A cell of PGD on the bare codec."""
    return {
        "attack": "pgd",
        "access": "vanilla",
        "objectives": objectives,
        "radii": (4.0,),
        "steps": 3,
    } | content


def harness(
    make: Any,
    recipe: CodecProtocol,
    sample: Sample,
    cache: Path,
    *,
    gradient: str = "surrogate",
    sources: dict[str, Source] | None = None,
) -> CodecHarness:
    """A harness on the CPU for the codec that `make` gives."""
    subject = Subject(make, gradient, "toy/one")
    return CodecHarness(recipe, sample, subject, sources or {}, cache, torch.device("cpu"))
