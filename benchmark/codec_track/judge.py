"""Judging a codec: real bytes by one instance, pictures from them by another, in fp32."""

import time
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from benchmark.contract import check_images, check_streams
from benchmark.defense import Codec
from benchmark.draws import seeded
from benchmark.errors import BoxError, DataError
from benchmark.geometry import from_bytes
from benchmark.metrics.lpips import lpips_alex
from benchmark.metrics.ms_ssim import WINDOW, ms_ssim
from benchmark.tensors import Images
from benchmark.threat import LEVELS

DECODED, FAILED = "decoded", "failed"
SAME = 0.5
"""Grey levels up to which two decoders agree."""


@dataclass(frozen=True)
class Coding:
    """One draw of one picture, as far as it came. `x_hat` is None if it did not decode."""

    bits: int | None
    likelihood_bits: float | None
    x_hat: Images | None
    reason: str
    encode_seconds: float | None
    decode_seconds: float | None


class CodecJudge:
    """A codec that no attack has touched: what decodes has seen bytes alone.

    Encoder and decoder are two instances, or one that decodes in another place than it encodes.
    """

    def __init__(self, encoder: Codec, decoder: Codec, draws: int, *, lpips: bool) -> None:
        """`draws` of each picture; `lpips` asks for that measure too."""
        self._encoder, self._decoder = encoder, decoder
        self._draws, self._lpips = draws, lpips

    def __call__(self, pixels: Tensor, clean: Tensor, *seed: object) -> dict[str, Any]:
        """What a `CodecOutcome` says of one picture in bytes (3, h, w), but for its perturbation.

        `clean` is the picture that it was made from, `seed` names the draws.
        """
        x, source = from_bytes(pixels[None]), from_bytes(clean[None])
        codings = [self._coded(x, draw, *seed) for draw in range(self._draws)]
        decoded = [coding for coding in codings if coding.x_hat is not None]
        rows = [self._figures(x, source, coding) for coding in decoded]
        bits = [coding.bits for coding in codings if coding.bits is not None]
        failures = self._draws - len(decoded)
        return {
            "pixels": pixels.shape[-2] * pixels.shape[-1],
            "status": FAILED if failures else DECODED,
            "reason": next((coding.reason for coding in codings if coding.reason), ""),
            "bits": _mean(bits),
            "bits_worst": max(bits, default=None),
            "likelihood_bits": _mean([coding.likelihood_bits for coding in codings]),
            **_over_draws(rows),
            "draws": self._draws,
            "failures": failures,
            "encode_seconds": _mean([coding.encode_seconds for coding in codings]),
            "decode_seconds": _mean([coding.decode_seconds for coding in codings]),
        }

    def decoded(self, pixels: Tensor, *seed: object) -> Images | None:
        """What comes back of the picture in the first draw; None if nothing does."""
        return self._coded(from_bytes(pixels[None]), 0, *seed).x_hat

    def gap(self, pixels: Tensor) -> float:
        """By how many grey levels the two instances disagree about one stream of this picture.

        A decoder that remembers what it compressed gives another picture than one that does not.
        One instance that compresses and decompresses in two places has nothing to remember: 0.
        """
        if self._encoder is self._decoder:
            return 0.0
        x = from_bytes(pixels[None])
        with torch.no_grad(), seeded("gap"):
            stream = self._compressed(x)
        with torch.no_grad(), seeded("decoder gap"):
            theirs = self._decompressed(stream, x)
        with torch.no_grad(), seeded("encoder gap"):
            ours = self._encoder.decompress([stream], (x.shape[-2], x.shape[-1])).to(x.device)
        return LEVELS * float((ours - theirs).abs().max())

    def _coded(self, x: Images, draw: int, *seed: object) -> Coding:
        try:
            with torch.no_grad(), seeded("judge", draw, *seed):
                stream, encoding = _timed(x, lambda: self._compressed(x))
        except BoxError:  # there is nobody left to ask
            raise
        except Exception as problem:  # noqa: BLE001 (whatever an encoder does, it is its failure)
            return Coding(None, None, None, _said("compress", problem), None, None)
        likelihood, reason = self._expected(x, draw, *seed)
        bits, x_hat, decoding = 8 * len(stream), None, None
        try:
            with torch.no_grad(), seeded("decoder", draw, *seed):
                x_hat, decoding = _timed(x, lambda: self._decompressed(stream, x))
        except BoxError:
            raise
        except Exception as problem:  # noqa: BLE001 (as above)
            reason = _said("decompress", problem)
        return Coding(bits, likelihood, x_hat, reason, encoding, decoding)

    def _expected(self, x: Images, draw: int, *seed: object) -> tuple[float | None, str]:
        """The bits that the likelihood expects of the same draw, and what went wrong.

        Those of `coded`, which are what attacks follow.
        """
        if not self._encoder.has_likelihood:
            return None, ""
        try:
            with torch.no_grad(), seeded("judge", draw, *seed):
                return _finite(float(self._encoder.coded(x).bits)), ""
        except BoxError:
            raise
        except Exception as problem:  # noqa: BLE001 (no failure of the codec, whose stream is there)
            return None, _said("likelihood_bits", problem)

    def _compressed(self, x: Images) -> bytes:
        name = f"{type(self._encoder).__name__}.compress"
        return check_streams(self._encoder.compress(x), 1, name)[0]

    def _decompressed(self, stream: bytes, x: Images) -> Images:
        height, width = x.shape[-2:]
        x_hat = self._decoder.decompress([stream], (height, width))
        moved = x_hat.to(x.device) if isinstance(x_hat, Tensor) else x_hat
        return check_images(moved, x, f"{type(self._decoder).__name__}.decompress")

    def _figures(self, x: Images, source: Images, coding: Coding) -> dict[str, float | None]:
        """Of one draw that decoded: fidelity to what was coded, and to the clean picture."""
        if coding.x_hat is None:
            raise ValueError("no figures of what did not decode")
        ours = self._fidelity(x, coding.x_hat)
        same = torch.equal(x, source)
        clean = ours if same else self._fidelity(source, coding.x_hat)
        pixels = x.shape[-2] * x.shape[-1]
        trade_off, loss = self._encoder.trade_off, None
        if trade_off is not None and coding.bits is not None and ours["mse"] is not None:
            loss = trade_off * LEVELS**2 * ours["mse"] + coding.bits / pixels
        return {**ours, **{f"clean_{name}": value for name, value in clean.items()}} | {
            "rd_loss": loss
        }

    def _fidelity(self, x: Images, x_hat: Images) -> dict[str, float | None]:
        mse = float((x.double() - x_hat.double()).square().mean())
        large = min(x.shape[-2:]) >= WINDOW
        with torch.no_grad():
            return {
                "mse": mse,
                "psnr": psnr_of(mse),
                "ms_ssim": _finite(float(ms_ssim(x, x_hat))) if large else None,
                "lpips": _finite(float(lpips_alex(x, x_hat))) if self._lpips else None,
            }


def psnr_of(mse: float) -> float | None:
    """PSNR in dB for a peak of 1; None where there is no error to speak of."""
    return -10 * float(torch.tensor(mse, dtype=torch.float64).log10()) if mse > 0 else None


def _over_draws(rows: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Means over the draws, and the worst of those that have one."""

    def values(name: str) -> list[float]:
        return [value for row in rows if (value := row[name]) is not None]

    fidelity = ("mse", "psnr", "ms_ssim", "lpips")
    names = [*fidelity, *(f"clean_{name}" for name in fidelity), "rd_loss"]
    return {name: _mean(values(name)) for name in names} | {
        "psnr_worst": min(values("psnr"), default=None),
        "clean_psnr_worst": min(values("clean_psnr"), default=None),
        "rd_loss_worst": max(values("rd_loss"), default=None),
    }


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None  # no number is below infinity either


def _timed(x: Images, work: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    done = work()
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
    return done, time.perf_counter() - started


def _said(what: str, problem: BaseException) -> str:
    return f"{what}: {type(problem).__name__}: {' '.join(str(problem).split())[:200]}"


def lpips_is_here(device: torch.device) -> bool:
    """Whether the weights of LPIPS are on this machine or can be fetched."""
    black = torch.zeros(1, 3, 64, 64, device=device)
    try:
        lpips_alex(black, black)
    except DataError:
        return False
    return True
