"""Naive randomization: always a random transform (Song, Choi, Han 2024, arXiv 2401.11902)."""

import torch

from benchmark.codecs.transformed import EVERY, coded_through, decoded, round_trip
from benchmark.codecs.transforms import drawn
from benchmark.defense import Codec, Coded
from benchmark.tensors import Images, PerImage


class NaiveRandomization(Codec):
    """A codec behind one random transform an image: what two-way is better than.

    The transforms are drawn from torch's own generator, anew for every image and call.
    """

    randomized = True

    def __init__(self, codec: Codec) -> None:
        """Stand before `codec`."""
        super().__init__()
        self.codec = codec
        self.trade_off = codec.trade_off

    def compress(self, x: Images) -> list[bytes]:
        """One stream an image, its transform's number in it."""
        pairs = zip(torch.split(x, 1), drawn(len(x)), strict=True)
        return [round_trip(self.codec, one, transform, EVERY)[0] for one, transform in pairs]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The pictures, turned back."""
        return torch.cat([decoded(self.codec, one, size, EVERY) for one in streams])

    def coded(self, x: Images) -> Coded:
        """One draw of the codec's own, turned back."""
        x_hat, bits = coded_through(self.codec, x, drawn(len(x)))
        return Coded(x_hat, bits + 8 * EVERY.length)

    def surrogate(self, x: Images) -> Images:
        """The pictures of one draw."""
        return self.coded(x).x_hat

    @property
    def has_likelihood(self) -> bool:
        """Whether the codec has one."""
        return self.codec.has_likelihood

    def likelihood_bits(self, x: Images) -> PerImage:
        """The bits of one draw."""
        if not self.has_likelihood:
            return self.codec.likelihood_bits(x)
        return self.coded(x).bits

    def bare(self) -> Codec:
        """The codec without its transforms."""
        return self.codec.bare()
