"""Codes a picture in several turns, stretches and shifts, and keeps the best one."""

from abc import ABC, abstractmethod

import torch

from benchmark.codecs.transformed import Numbering, coded_through, decoded, round_trip
from benchmark.codecs.transforms import IDENTITY, Transform
from benchmark.defense import Branches, Codec, Coded, SelectingCodec
from benchmark.draws import repeated
from benchmark.tensors import Images, PerImage


class BestOf(SelectingCodec, ABC):
    """A codec behind the identity and other transforms, of which each image gets the cheapest.

    What is kept is decided on real streams and on the 8-bit pictures that they decode to, which is
    what is judged; so no image ever costs more than the bare codec's. The differentiable branches
    have the codec's surrogate and likelihood in their place.
    """

    def __init__(self, codec: Codec, numbering: Numbering) -> None:
        """`numbering` says how the transform is written into the stream."""
        super().__init__()
        self.codec, self.numbering = codec, numbering
        self.trade_off = codec.trade_off

    @abstractmethod
    def others(self, n: int) -> list[list[Transform]]:
        """The transforms beside the identity: lists of one for each of `n` images."""

    @abstractmethod
    def cost(self, x: Images, coded: Coded) -> PerImage:
        """What is to be smallest."""

    def branches(self, x: Images, draws: int = 1) -> Branches:
        """The identity's branch first; it is computed once for all draws."""
        many = repeated(x, draws)
        plain = self.codec.coded(x)
        ways = [Coded(repeated(plain.x_hat, draws), plain.bits.repeat(draws))]
        transforms = self.others(len(many))
        flat = [transform for way in transforms for transform in way]
        x_hat, bits = coded_through(self.codec, repeated(many, len(transforms)), flat)
        bits = bits + 8 * self.numbering.length
        parts = zip(torch.split(x_hat, len(many)), torch.split(bits, len(many)), strict=True)
        ways += [Coded(*part) for part in parts]
        return Branches(
            torch.stack([way.x_hat for way in ways]),
            torch.stack([way.bits for way in ways]),
            torch.stack([self.cost(many, way) for way in ways]),
        )

    def compress(self, x: Images) -> list[bytes]:
        """The cheapest stream of each image, the identity's among equals."""
        transforms = self.others(len(x))
        return [
            self._cheapest(x[i : i + 1], [IDENTITY, *(way[i] for way in transforms)])
            for i in range(len(x))
        ]

    def _cheapest(self, x: Images, transforms: list[Transform]) -> bytes:
        streams, costs = [], []
        for transform in transforms:
            stream, x_hat = round_trip(self.codec, x, transform, self.numbering)
            bits = torch.tensor([8.0 * len(stream)], dtype=torch.float64, device=x.device)
            streams.append(stream)
            costs.append(float(self.cost(x.double(), Coded(x_hat.double(), bits))))
        return streams[costs.index(min(costs))]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The pictures, turned back."""
        return torch.cat([decoded(self.codec, one, size, self.numbering) for one in streams])

    @property
    def has_likelihood(self) -> bool:
        """Whether the codec has one."""
        return self.codec.has_likelihood

    def likelihood_bits(self, x: Images) -> PerImage:
        """Those of the branch that each image would be coded by."""
        if not self.has_likelihood:
            return self.codec.likelihood_bits(x)
        return self.coded(x).bits

    def bare(self) -> Codec:
        """The codec, with the identity alone."""
        return self.codec.bare()
