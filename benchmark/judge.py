"""Judging: an 8-bit picture, through PNG bytes, the defense and the classifier, in fp32."""

import hashlib
import io
import time
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmark.contract import check_images, check_streams
from benchmark.defense import Codec, Defense
from benchmark.geometry import from_bytes
from benchmark.loss import margin
from benchmark.tensors import Images, Labels, Model, PerImage
from benchmark.threat import LEVELS, Norm, ThreatModel


@dataclass(frozen=True)
class Verdict:
    """What the defended classifier said of a batch."""

    predicted: Labels
    margin: PerImage
    bits: tuple[int | None, ...]
    defense_seconds: float


class Judge:
    """A classifier behind a defense that no attack has touched. Counts bits and time itself."""

    def __init__(self, classifier: Model, defense: Defense) -> None:
        """`defense` must be an instance of its own, not the one that attacks query."""
        self._classifier = classifier
        self._defense = defense

    def __call__(self, pixels: Tensor, y: Labels) -> Verdict:
        """The verdict on pictures in bytes (n, 3, h, w)."""
        x = from_bytes(pixels)
        with torch.no_grad():
            started = time.perf_counter()
            defended, bits = self._defended(x)
            if x.is_cuda:
                torch.cuda.synchronize(x.device)
            seconds = time.perf_counter() - started
            logits = self._classifier(defended)
        return Verdict(logits.argmax(1), margin(logits, y), bits, seconds)

    def _defended(self, x: Images) -> tuple[Images, tuple[int | None, ...]]:
        name = type(self._defense).__name__
        if not isinstance(self._defense, Codec):
            defended = check_images(self._defense.forward(x), x, f"{name}.forward")
            return defended, (None,) * len(x)
        streams = check_streams(self._defense.compress(x), len(x), f"{name}.compress")
        height, width = x.shape[-2:]
        x_hat = self._defense.decompress(streams, (height, width))
        bits = tuple(8 * len(stream) for stream in streams)
        return check_images(x_hat.to(x.device), x, f"{name}.decompress"), bits


def through_png(pixels: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Pictures in bytes (n, 3, h, w) written as PNG and read back, and the sha256 of each file."""
    read, hashes = [], []
    for picture in pixels.permute(0, 2, 3, 1).cpu().numpy():
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
        hashes.append(hashlib.sha256(buffer.getvalue()).hexdigest())
        with Image.open(buffer) as opened:
            read.append(np.asarray(opened.convert("RGB")))
    back = torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2)
    return back.to(pixels.device), tuple(hashes)


def differences(pixels: Tensor, clean: Tensor) -> tuple[list[int], list[float]]:
    """Size of each perturbation in integers: Linf in grey levels, L2 in pixel units of [0, 1]."""
    delta = (pixels.to(torch.int64) - clean.to(torch.int64)).flatten(1)
    linf = [int(size) for size in delta.abs().amax(1)]
    l2 = [float(square) ** 0.5 / LEVELS for square in (delta * delta).sum(1)]
    return linf, l2


def in_ball(linf: int, l2: float, threat: ThreatModel) -> bool:
    """Whether a perturbation of these sizes is allowed; exact, for both are made of integers."""
    if threat.norm is Norm.LINF:
        return linf <= threat.radius
    return (l2 * LEVELS) ** 2 <= (threat.eps * LEVELS) ** 2 + 1e-6
