"""What answers for a plugin: its maps, their gradients, its streams.

The same in the box and, for code that its own author runs, in the harness's process. Every call is
given the seed of its draws, so that it answers the same wherever it runs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.defense import Codec, Plugin
from benchmark.draws import seeded
from benchmark.errors import ContractError
from benchmark.estimators import ESTIMATORS, ROUNDING, SLOPED, calls

Map = Callable[[Tensor], Tensor]


def _likelihood(plugin: Plugin) -> Map:
    if not isinstance(plugin, Codec):
        raise ContractError(f"{type(plugin).__name__} is no codec and has no likelihood model")
    return plugin.likelihood_bits


MAPS: Mapping[str, Callable[[Plugin], Map]] = {
    "forward": lambda plugin: plugin.forward,
    "stand-in": lambda plugin: plugin.surrogate,
    "likelihood": _likelihood,
    **{name: made for name, made in ESTIMATORS.items() if name != "identity"},
}
"""What a plugin can be asked for: its own methods, and the ways to its gradient.

The identity's gradient needs nothing of the plugin but `forward`.
"""


class Kept(NamedTuple):
    """A call that gradients may be asked of."""

    x: Tensor
    outputs: tuple[Tensor, ...]


class Answer(NamedTuple):
    """What a map made; `differentiable` says whether anything of it depends on the images."""

    outputs: list[Tensor]
    differentiable: bool


class Servant:
    """A plugin that is asked by name."""

    def __init__(self, plugin: Plugin) -> None:
        """Nothing is asked yet."""
        self.plugin = plugin
        self._kept: dict[int, Kept] = {}

    def value(self, name: str, x: Tensor, seed: int) -> Tensor:
        """What the map of that name makes of `x`."""
        with torch.no_grad(), seeded("call", seed):
            return _tensor(MAPS[name](self.plugin)(x), self.plugin, name)

    def forward_grad(self, name: str, x: Tensor, seed: int, graph: int) -> Answer:
        """The same, kept under the number `graph` so that `vjp` can go back through it."""
        x = x.detach().requires_grad_()
        with torch.enable_grad(), seeded("call", seed):
            y = _tensor(MAPS[name](self.plugin)(x), self.plugin, name)
        if y.requires_grad:
            self._kept[graph] = Kept(x, (y,))
        return Answer([y.detach()], y.requires_grad)

    def vjp(self, graph: int, cotangents: Sequence[Tensor], *, keep: bool) -> Tensor:
        """The cotangents times the Jacobian; the call is forgotten unless it is to be kept."""
        if graph not in self._kept:
            raise ContractError(f"no call is kept under the number {graph}")
        kept = self._kept[graph] if keep else self._kept.pop(graph)
        given = [cotangent.to(y) for cotangent, y in zip(cotangents, kept.outputs, strict=True)]
        (slope,) = torch.autograd.grad(
            kept.outputs, kept.x, given, retain_graph=keep, allow_unused=True
        )
        return torch.zeros_like(kept.x) if slope is None else slope

    def release(self, graph: int) -> None:
        """Forget a call."""
        self._kept.pop(graph, None)

    def compress(self, x: Tensor, seed: int) -> list[bytes]:
        """A codec's streams."""
        with torch.no_grad(), seeded("call", seed):
            return self._codec.compress(x)

    def decompress(self, streams: list[bytes], size: tuple[int, int], seed: int) -> Tensor:
        """The images of the streams."""
        with torch.no_grad(), seeded("call", seed):
            return _tensor(self._codec.decompress(streams, size), self.plugin, "decompress")

    def rounds(self, x: Tensor, seed: int) -> tuple[bool, bool]:
        """Whether `forward` rounds, and whether it does with a slope of its own."""
        with seeded("call", seed):
            return calls(self.plugin, ROUNDING, x), calls(self.plugin, SLOPED, x)

    @property
    def _codec(self) -> Codec:
        if not isinstance(self.plugin, Codec):
            raise ContractError(f"{type(self.plugin).__name__} is no codec")
        return self.plugin


def _tensor(given: object, plugin: Plugin, name: str) -> Tensor:
    source = f"{type(plugin).__name__}.{name}"
    if not isinstance(given, Tensor):
        raise ContractError(f"{source} returned {type(given).__name__}, expected a tensor")
    if not given.is_floating_point():
        raise ContractError(f"{source} returned {given.dtype}, expected floats in [0, 1]")
    return given
