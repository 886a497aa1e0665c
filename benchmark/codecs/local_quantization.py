"""Stochastic local quantization, the random part of SHIELD (Das et al. 2018, arXiv 1802.06816)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmark.codecs.jpeg_surrogate import BLOCK
from benchmark.codecs.pillow import Jpeg
from benchmark.defense import Defense
from benchmark.errors import CallError
from benchmark.tensors import Images

QUALITIES = (20, 40, 60, 80)


class LocalQuantization(Defense):
    """Each 8x8 block from one of several JPEG files of the picture, drawn at random.

    A purifier and no codec: the blocks come from files that nobody would store together, so the
    result has no rate.
    """

    randomized = True

    def __init__(self, qualities: Sequence[int] = QUALITIES) -> None:
        """The `qualities` of the files; each is as likely as the others."""
        super().__init__()
        if len(set(qualities)) != len(qualities) or len(qualities) < 2:
            raise CallError(f"qualities {list(qualities)}: expected two or more different ones")
        self.codecs = [Jpeg(quality) for quality in qualities]

    def forward(self, x: Images) -> Images:
        """One draw of the blocks from the real files."""
        return self._mixed(x, [codec.forward for codec in self.codecs])

    def surrogate(self, x: Images) -> Images:
        """One draw from differentiable JPEG; under the same seed the same blocks as `forward`."""
        return self._mixed(x, [codec.surrogate for codec in self.codecs])

    def _mixed(self, x: Images, versions: Sequence[Callable[[Images], Images]]) -> Images:
        drawn = self._drawn(x)
        mixed = torch.zeros_like(x)
        for number, version in enumerate(versions):
            mixed = torch.where(drawn == number, version(x), mixed)
        return mixed

    def _drawn(self, x: Images) -> Tensor:
        """The number of each pixel's file (n, 1, h, w), the same all over a block.

        Drawn on the CPU, so that a seed means the same blocks on every device.
        """
        height, width = x.shape[-2:]
        rows, columns = -(-height // BLOCK), -(-width // BLOCK)
        blocks = torch.randint(len(self.codecs), (len(x), 1, rows, columns))
        pixels = blocks.repeat_interleave(BLOCK, 2).repeat_interleave(BLOCK, 3)
        return pixels[..., :height, :width].to(x.device)
