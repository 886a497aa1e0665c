"""Codecs that ask somebody else, for streams and for all that the codec track looks at."""

import torch
from torch import Tensor

from benchmark.defense import Branches, Codec, Coded, SelectingCodec
from benchmark.errors import ContractError
from benchmark.tensors import Images, PerImage
from leaderboard.sandbox.proxies import Ask, RemoteDefense, fresh_seed, sound

MOST_BRANCHES = 64


class RemoteCodec(RemoteDefense, Codec):
    """A codec elsewhere. What decompresses there is not what compresses and has gradients."""

    compressing: Ask
    decompressing: Ask
    layered: bool
    behind: Codec | None
    """The codec without its defense, if it has one."""

    def compress(self, x: Images) -> list[bytes]:
        """One stream an image, which is all that `decompress` will see."""
        return self.compressing().compress(x, fresh_seed())

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The images of `streams`."""
        given = self.decompressing().decompress(streams, size, fresh_seed())
        expected = (len(streams), 3, *size)
        if tuple(given.shape) != expected:
            raise ContractError(
                f"{self._said('decompress')} returned shape {tuple(given.shape)}, "
                f"expected {expected}"
            )
        return given

    def coded(self, x: Images) -> Coded:
        """Picture and bits, as the codec track looks at them."""
        x_hat, bits = self._answers("coded", x)
        return Coded(
            self._checked(x_hat, x, "coded"), sound(bits, (len(x),), self._said("coded, bits"))
        )

    def disruption(self, x: Images, draws: int) -> PerImage:
        """How far the features of `x.repeat(draws, 1, 1, 1)` are disrupted."""
        given = self._one("disruption", x, draws)
        return sound(given, (draws * len(x),), self._said("features"))

    def padded(self, x: Images) -> Tensor:
        """`x` as the codec extends it; that `x` is its corner is checked."""
        given = self._one("padded", x)
        height, width = x.shape[-2:]
        if given.dim() != 4 or not torch.equal(given[..., :height, :width], x):
            raise ContractError(
                f"{self._said('padded')} returned shape {tuple(given.shape)}, expected pictures "
                f"whose upper left corner are those of shape {tuple(x.shape)} that it was given"
            )
        return given

    def bare(self) -> Codec:
        """The codec without its defense."""
        return self if self.behind is None else self.behind

    def _said(self, name: str) -> str:
        return f"{type(self).__name__}.{name}"


class RemoteLikely(RemoteCodec):
    """A codec with a likelihood model elsewhere."""

    def likelihood_bits(self, x: Images) -> PerImage:
        """Estimated bits of each stream."""
        return sound(self._one("likelihood", x), (len(x),), self._said("likelihood_bits"))


class RemoteBranching(RemoteCodec, SelectingCodec):
    """A selecting codec elsewhere, whose branches come for all draws at once."""

    def branches(self, x: Images, draws: int = 1) -> Branches:
        """Every way to code each of `x.repeat(draws, 1, 1, 1)`."""
        x_hat, bits, costs = self._answers("branches", x, draws)
        source, k, n = self._said("branches"), len(costs) if costs.dim() else 0, draws * len(x)
        if not 1 <= k <= MOST_BRANCHES:
            raise ContractError(
                f"{source} returned costs of shape {tuple(costs.shape)}, expected (k, {n}) for k "
                f"from 1 to {MOST_BRANCHES}"
            )
        return Branches(
            sound(x_hat, (k, n, *x.shape[1:]), f"{source}, x_hat"),
            sound(bits, (k, n), f"{source}, bits"),
            sound(costs, (k, n), f"{source}, costs"),
        )
