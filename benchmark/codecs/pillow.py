"""Codecs that come inside Pillow, judged on the bytes that it writes."""

import io
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmark.codecs.jpeg_surrogate import jpeg_surrogate
from benchmark.defense import Codec
from benchmark.errors import CallError, ContractError, UnknownNameError
from benchmark.geometry import from_bytes, to_bytes
from benchmark.gradients import ROUNDINGS
from benchmark.tensors import Images


class PillowCodec(Codec):
    """A format that Pillow writes and reads. `options` go to its encoder."""

    format: str
    options: dict[str, Any]

    def compress(self, x: Images) -> list[bytes]:
        """One file an image."""
        pixels = to_bytes(x).permute(0, 2, 3, 1).cpu().numpy()
        streams = []
        for picture in pixels:
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, self.format, **self.options)
            streams.append(buffer.getvalue())
        return streams

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The pictures in `streams`; a stream that does not decode to `size` is an error."""
        pixels = np.stack([self._decoded(stream, size) for stream in streams])
        return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2))

    def _decoded(self, stream: bytes, size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
        try:
            with Image.open(io.BytesIO(stream), formats=[self.format]) as picture:
                if (picture.height, picture.width) != size:
                    raise ContractError(
                        f"a {self.format} stream holds {picture.height}x{picture.width} pixels, "
                        f"expected {size[0]}x{size[1]}"
                    )
                return np.asarray(picture.convert("RGB"))
        except (OSError, ValueError, SyntaxError) as error:
            raise ContractError(
                f"a stream of {len(stream)} bytes does not decode as {self.format}: {error}"
            ) from error


class Jpeg(PillowCodec):
    """Baseline JPEG (ITU-T T.81) by libjpeg-turbo, with optimized Huffman tables off."""

    format = "JPEG"

    def __init__(
        self, quality: int, *, subsampling: str = "4:2:0", rounding: str = "blurred"
    ) -> None:
        """`quality` from 1 to 100, `subsampling` 4:2:0 or 4:4:4.

        `rounding` is what the surrogate rounds with, a name of `gradients.ROUNDINGS`.
        """
        super().__init__()
        if not 1 <= quality <= 100:
            raise CallError(f"JPEG quality {quality}: expected 1 to 100")
        if subsampling not in ("4:2:0", "4:4:4"):
            raise CallError(f"JPEG subsampling {subsampling!r}: expected 4:2:0 or 4:4:4")
        if rounding not in ROUNDINGS:
            raise UnknownNameError("rounding", rounding, ROUNDINGS)
        self.quality = quality
        self._rounding = ROUNDINGS[rounding]
        self.subsampled = subsampling == "4:2:0"
        self.options = {"quality": quality, "subsampling": subsampling}

    def surrogate(self, x: Images) -> Images:
        """Differentiable JPEG of the same tables and subsampling."""
        return jpeg_surrogate(x, self.quality, subsampled=self.subsampled, rounding=self._rounding)
