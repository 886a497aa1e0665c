"""A codec applied several times in a row (sequential compression, Raber et al. 2025)."""

import torch

from benchmark.defense import Codec, Coded, Repeated
from benchmark.errors import CallError
from benchmark.tensors import Images, PerImage


class Sequential(Codec, Repeated):
    """`rounds` round trips through `codec`; the stream that counts is the last one's."""

    def __init__(self, codec: Codec, rounds: int, *, one_round: Codec | None = None) -> None:
        """The surrogate of `one_round` stands for a single round; that of `codec` if None.

        It may round with another slope than the surrogate that all rounds are made of.
        """
        super().__init__()
        if not 1 <= rounds <= 100:
            raise CallError(f"rounds {rounds}: expected 1 to 100")
        self.codec, self.rounds = codec, rounds
        self.randomized, self.trade_off = codec.randomized, codec.trade_off
        self._one_round = one_round or codec

    def compress(self, x: Images) -> list[bytes]:
        """The streams of the last round."""
        for _ in range(self.rounds - 1):
            x = self.codec.reconstructed(x)
        return self.codec.compress(x)

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The images of the last round."""
        return self.codec.decompress(streams, size)

    def surrogate(self, x: Images) -> Images:
        """The codec's surrogate as many times."""
        for _ in range(self.rounds):
            x = self.codec.surrogate(x)
        return x

    def one_round(self, x: Images) -> Images:
        """A single round's surrogate."""
        return self._one_round.surrogate(x)

    @property
    def has_likelihood(self) -> bool:
        """Whether the codec has one."""
        return self.codec.has_likelihood

    def likelihood_bits(self, x: Images) -> PerImage:
        """Those of the last round, behind the surrogate of the others."""
        return self.codec.likelihood_bits(self._before_last(x))

    def coded(self, x: Images) -> Coded:
        """The last round, behind the surrogates of the others.

        Without a likelihood model picture and bits are those of the real streams of all rounds;
        their gradients are those of the last round's surrogates, as far as the codec has any.
        """
        if self.has_likelihood:
            return self.codec.coded(self._before_last(x))
        with torch.no_grad():
            streams, x_hat = self.round_trip(x)
        bits = x.new_tensor([8.0 * len(stream) for stream in streams])
        if not (torch.is_grad_enabled() and x.requires_grad):
            return Coded(x_hat, bits)
        last = self.codec.coded(self._before_last(x))
        return Coded(
            last.x_hat + (x_hat - last.x_hat).detach(), last.bits + (bits - last.bits).detach()
        )

    def bare(self) -> Codec:
        """A single round."""
        return self.codec.bare()

    def _before_last(self, x: Images) -> Images:
        for _ in range(self.rounds - 1):
            x = self.codec.surrogate(x)
        return x
