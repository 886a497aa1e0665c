"""What answers for a plugin: its maps, their gradients, its streams.

The same in the box and, for code that its own author runs, in the harness's process. Every call is
given the seed of its draws, so that it answers the same wherever it runs.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.contract import check_streams
from benchmark.defense import Codec, Plugin
from benchmark.draws import seeded
from benchmark.errors import ContractError
from benchmark.estimators import ROUNDING, SLOPED, calls
from leaderboard.sandbox.questions import MAPS, Question, codec_of
from leaderboard.sandbox.traits import Traits, traits_of


class Kept(NamedTuple):
    """A call that gradients may be asked of."""

    x: Tensor
    outputs: tuple[Tensor, ...]


class Answer(NamedTuple):
    """What a map made; `differentiable` are the places of the outputs that depend on the images."""

    outputs: tuple[Tensor, ...]
    differentiable: tuple[int, ...]


class Servant:
    """A plugin that is asked by name."""

    def __init__(self, plugin: Plugin) -> None:
        """Nothing is asked yet, but a codec for the bare one behind its defense."""
        self.plugin = plugin
        self._bare = plugin.bare() if isinstance(plugin, Codec) else plugin
        self.traits: Traits = traits_of(plugin, self._bare)
        self._kept: dict[int, Kept] = {}

    def value(self, question: Question, x: Tensor, seed: int) -> tuple[Tensor, ...]:
        """What the map makes of `x`."""
        with torch.no_grad(), seeded("call", seed):
            return tuple(one.detach() for one in self._answered(question, x))

    def forward_grad(self, question: Question, x: Tensor, seed: int, graph: int) -> Answer:
        """The same, kept under the number `graph` so that `vjp` can go back through it."""
        x = x.detach().requires_grad_()
        with torch.enable_grad(), seeded("call", seed):
            outputs = self._answered(question, x)
        differentiable = tuple(i for i, one in enumerate(outputs) if one.requires_grad)
        if differentiable:
            self._kept[graph] = Kept(x, outputs)
        return Answer(tuple(one.detach() for one in outputs), differentiable)

    def vjp(self, graph: int, cotangents: Mapping[int, Tensor], *, keep: bool) -> Tensor:
        """The cotangents, by their outputs' places, times the Jacobian.

        The call is forgotten unless it is to be kept.
        """
        if graph not in self._kept:
            raise ContractError(f"no call is kept under the number {graph}")
        kept = self._kept[graph] if keep else self._kept.pop(graph)
        outputs = [kept.outputs[place] for place in cotangents]
        given = [one.to(y) for y, one in zip(outputs, cotangents.values(), strict=True)]
        (slope,) = torch.autograd.grad(outputs, kept.x, given, retain_graph=keep, allow_unused=True)
        return torch.zeros_like(kept.x) if slope is None else slope

    def release(self, graph: int) -> None:
        """Forget a call."""
        self._kept.pop(graph, None)

    def compress(self, x: Tensor, seed: int) -> list[bytes]:
        """A codec's streams."""
        with torch.no_grad(), seeded("call", seed):
            made = codec_of(self.plugin).compress(x)
        return check_streams(made, len(x), f"{type(self.plugin).__name__}.compress")

    def decompress(self, streams: list[bytes], size: tuple[int, int], seed: int) -> Tensor:
        """The images of the streams."""
        with torch.no_grad(), seeded("call", seed):
            made = codec_of(self.plugin).decompress(streams, size)
        return _tensor(made, self.plugin, "decompress")

    def rounds(self, x: Tensor, seed: int) -> tuple[bool, bool]:
        """Whether `forward` rounds, and whether it does with a slope of its own."""
        with seeded("call", seed):
            return calls(self.plugin, ROUNDING, x), calls(self.plugin, SLOPED, x)

    def _answered(self, question: Question, x: Tensor) -> tuple[Tensor, ...]:
        plugin = self._bare if question.bare else self.plugin
        asked = MAPS[question.name]
        made = tuple(
            _tensor(one, plugin, question.name) for one in asked.made(plugin, x, question.draws)
        )
        if len(made) != asked.outputs:
            raise ContractError(
                f"{type(plugin).__name__}.{question.name} returned {len(made)} tensors, "
                f"expected {asked.outputs}"
            )
        return made


def _tensor(given: object, plugin: Plugin, name: str) -> Tensor:
    source = f"{type(plugin).__name__}.{name}"
    if not isinstance(given, Tensor):
        raise ContractError(f"{source} returned {type(given).__name__}, expected a tensor")
    if not given.is_floating_point():
        raise ContractError(f"{source} returned {given.dtype}, expected floats in [0, 1]")
    return given
