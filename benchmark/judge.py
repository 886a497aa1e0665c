"""Judging: an 8-bit picture, through PNG bytes, the defense and the classifier, in fp32."""

import hashlib
import io
import time
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmark.contract import check_images, check_streams
from benchmark.defense import Classifier, Codec, Plugin
from benchmark.draws import seeded
from benchmark.errors import BoxError
from benchmark.gallery import png
from benchmark.geometry import from_bytes
from benchmark.loss import margin
from benchmark.tensors import Defended, Images, Labels, Logits, Mask, Model, PerImage
from benchmark.threat import LEVELS, Norm, ThreatModel


@dataclass(frozen=True)
class Verdict:
    """What the defended classifier said of a batch, in `draws` draws of a randomized defense.

    `logits` and `margin` are means over the draws, `predicted` is the most frequent answer,
    `draws_correct` (n,) counts right ones. `failed` images did not decode in at least one draw;
    they count as wrong there, and `reason` says what went wrong first. `defense_seconds` is the
    median time of one draw: the first may have to wait for a box to begin.
    """

    logits: Logits
    predicted: Labels
    margin: PerImage
    bits: tuple[int | None, ...]
    draws: int
    draws_correct: Labels
    failed: Mask
    reason: str
    defense_seconds: float

    def first(self, n: int) -> "Verdict":
        """The same of the first `n` images."""
        return replace(
            self,
            logits=self.logits[:n],
            predicted=self.predicted[:n],
            margin=self.margin[:n],
            bits=self.bits[:n],
            draws_correct=self.draws_correct[:n],
            failed=self.failed[:n],
        )


class _Answer(NamedTuple):
    """One draw's answer."""

    logits: Logits
    bits: tuple[int | None, ...]
    failed: Mask
    reason: str
    seconds: float


class Judge:
    """A classifier behind a defense that no attack has touched. Counts bits and time itself.

    Behind a `Replacement`, which classifies by itself, `classifier` has nothing to do.
    """

    def __init__(self, classifier: Model, defense: Plugin, draws: int = 1) -> None:
        """`defense` must be an instance of its own, not the one that attacks query."""
        self._classifier = classifier
        self._defense = defense
        self._draws = draws

    def __call__(self, pixels: Tensor, y: Labels, *seed: object) -> Verdict:
        """The verdict on pictures in bytes (n, 3, h, w); `seed` names the draws."""
        x = from_bytes(pixels)
        answers = []
        for draw in range(self._draws):
            with torch.no_grad(), seeded("judge", draw, *seed):
                answers.append(self._answer(x))
        return _verdict(answers, y)

    def defended(self, pixels: Tensor, *seed: object) -> tuple[Images | None, Mask]:
        """What the defense makes of pictures in the first draw, and which of them failed.

        None of a submission that classifies by itself, which makes no pictures.
        """
        with torch.no_grad(), seeded("judge", 0, *seed):
            given, _, failed, _ = self._defended(from_bytes(pixels))
        return None if isinstance(self._defense, Classifier) else given, failed

    def _answer(self, x: Images) -> _Answer:
        started = time.perf_counter()
        defended, bits, failed, reason = self._defended(x)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        seconds = time.perf_counter() - started
        return _Answer(self._classifier(defended), bits, failed, reason, seconds)

    def _defended(self, x: Images) -> tuple[Defended, tuple[int | None, ...], Mask, str]:
        name = type(self._defense).__name__
        none = torch.zeros(len(x), dtype=torch.bool)
        if isinstance(self._defense, Classifier):
            return self._defense.forward(x), (None,) * len(x), none, ""
        if not isinstance(self._defense, Codec):
            defended = check_images(self._defense.forward(x), x, f"{name}.forward")
            return defended, (None,) * len(x), none, ""
        streams = check_streams(self._defense.compress(x), len(x), f"{name}.compress")
        bits = tuple(8 * len(stream) for stream in streams)
        try:
            return _decompressed(self._defense, streams, x), bits, none, ""
        except BoxError:  # there is nobody left to ask
            raise
        except Exception as problem:  # noqa: BLE001 (whatever a decoder does, it is its failure)
            x_hat, failed = _one_by_one(self._defense, streams, x)
            return x_hat, bits, failed, f"{type(problem).__name__}: {problem}"


def _decompressed(codec: Codec, streams: list[bytes], x: Images) -> Images:
    height, width = x.shape[-2:]
    x_hat = codec.decompress(streams, (height, width))
    moved = x_hat.to(x.device) if isinstance(x_hat, Tensor) else x_hat
    return check_images(moved, x, f"{type(codec).__name__}.decompress")


def _one_by_one(codec: Codec, streams: list[bytes], x: Images) -> tuple[Images, Mask]:
    """What decodes of each stream alone; grey in place of what does not."""
    x_hat = torch.full_like(x, 0.5)
    failed = torch.zeros(len(x), dtype=torch.bool)
    for i, stream in enumerate(streams):
        try:
            x_hat[i : i + 1] = _decompressed(codec, [stream], x[i : i + 1])
        except BoxError:
            raise
        except Exception:  # noqa: BLE001 (counted, and shown as a flag)
            failed[i] = True
    return x_hat, failed


def _verdict(answers: list[_Answer], y: Labels) -> Verdict:
    margins = torch.stack([margin(answer.logits, y) for answer in answers])
    failed = torch.stack([answer.failed for answer in answers]).to(y.device)
    right = (margins > 0) & ~failed
    predicted = torch.stack([answer.logits.argmax(1) for answer in answers])
    logits = torch.stack([answer.logits for answer in answers]).mean(0)
    counted = [answer.bits for answer in answers]
    return Verdict(
        logits=logits,
        predicted=predicted.mode(0).values,
        margin=margins.mean(0),
        bits=tuple(_mean_bits(of_image) for of_image in zip(*counted, strict=True)),
        draws=len(answers),
        draws_correct=right.sum(0),
        failed=failed.any(0),
        reason=next((answer.reason for answer in answers if answer.reason), ""),
        defense_seconds=median(answer.seconds for answer in answers),
    )


def _mean_bits(bits: tuple[int | None, ...]) -> int | None:
    known = [one for one in bits if one is not None]
    return round(sum(known) / len(known)) if known else None


def through_png(pixels: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Pictures in bytes (n, 3, h, w) written as PNG and read back, and the sha256 of each file."""
    read, hashes = [], []
    for picture in pixels.permute(0, 2, 3, 1).cpu().numpy():
        file = png(picture)
        hashes.append(hashlib.sha256(file).hexdigest())
        with Image.open(io.BytesIO(file)) as opened:
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
