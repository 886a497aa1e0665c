"""Whoever answers for a plugin: a servant in this process, or a worker in a box."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from benchmark.errors import BoxError, ContractError
from leaderboard.sandbox.arguments import Shown
from leaderboard.sandbox.box import Box
from leaderboard.sandbox.limits import Limits
from leaderboard.sandbox.loading import PluginSpec, check
from leaderboard.sandbox.questions import MAPS, Question, question_to
from leaderboard.sandbox.servant import Answer
from leaderboard.sandbox.traits import Traits, traits_from
from leaderboard.sandbox.wire import Message, Op, WireError, joined, mask_of, parted, places_of


class Channel(Protocol):
    """What a `Servant` answers, wherever it is."""

    def value(self, question: Question, x: Tensor, seed: int) -> tuple[Tensor, ...]:
        """As `Servant.value`."""
        ...

    def forward_grad(self, question: Question, x: Tensor, seed: int, graph: int) -> Answer:
        """As `Servant.forward_grad`."""
        ...

    def vjp(self, graph: int, cotangents: Mapping[int, Tensor], *, keep: bool) -> Tensor:
        """As `Servant.vjp`."""
        ...

    def release(self, graph: int) -> None:
        """As `Servant.release`."""
        ...

    def compress(self, x: Tensor, seed: int) -> list[bytes]:
        """As `Servant.compress`."""
        ...

    def decompress(self, streams: list[bytes], size: tuple[int, int], seed: int) -> Tensor:
        """As `Servant.decompress`."""
        ...

    def rounds(self, x: Tensor, seed: int) -> tuple[bool, bool]:
        """As `Servant.rounds`."""
        ...


class Boxed:
    """A servant in a box of its own."""

    def __init__(self, spec: PluginSpec, shown: Shown, limits: Limits) -> None:
        """Start the box; the submission is loaded by the first call."""
        self._spec = spec
        self._box = Box(shown, limits)
        self._device = torch.device(shown.device)
        self._traits: Traits | None = None

    @property
    def traits(self) -> Traits:
        """What the worker says its plugin is, which has to be what the manifest says."""
        if self._traits is None:
            content = self._box.load(self._spec)
            try:
                self._traits = traits_from(content)
            except ValueError as problem:
                raise BoxError(f"the worker broke the protocol: {problem}") from problem
            check(self._traits, self._spec)
        return self._traits

    @property
    def output(self) -> str:
        """The end of what the worker printed, harmless to show."""
        return str(self._box.output)

    def value(self, question: Question, x: Tensor, seed: int) -> tuple[Tensor, ...]:
        """As `Servant.value`."""
        told = question_to(question)
        _, outputs, _ = self._ask(Op.VALUE, [x], detail=told, seed=seed)
        return self._counted(outputs, MAPS[question.name].outputs)

    def forward_grad(self, question: Question, x: Tensor, seed: int, graph: int) -> Answer:
        """As `Servant.forward_grad`."""
        told = question_to(question)
        message, found, _ = self._ask(Op.FORWARD_GRAD, [x], detail=told, seed=seed, graph=graph)
        outputs = self._counted(found, MAPS[question.name].outputs)
        if message.detail >> len(outputs):
            raise BoxError(
                f"the worker broke the protocol: a gradient of outputs {message.detail:#b}, "
                f"which are {len(outputs)}"
            )
        return Answer(outputs, places_of(message.detail))

    def vjp(self, graph: int, cotangents: Mapping[int, Tensor], *, keep: bool) -> Tensor:
        """As `Servant.vjp`."""
        told = int(keep) | mask_of(cotangents) << 1
        return self._one(Op.VJP, list(cotangents.values()), graph=graph, detail=told)

    def release(self, graph: int) -> None:
        """As `Servant.release`."""
        self._box.release(graph)

    def compress(self, x: Tensor, seed: int) -> list[bytes]:
        """As `Servant.compress`."""
        _, _, content = self._ask(Op.COMPRESS, [x], seed=seed)
        try:
            return parted(content, len(x))
        except WireError as problem:
            raise ContractError(f"{self._spec.class_name}.compress: {problem}") from problem

    def decompress(self, streams: list[bytes], size: tuple[int, int], seed: int) -> Tensor:
        """As `Servant.decompress`."""
        height, width = size
        place = height << 32 | width
        return self._one(Op.DECOMPRESS, content=joined(streams), detail=place, seed=seed)

    def rounds(self, x: Tensor, seed: int) -> tuple[bool, bool]:
        """As `Servant.rounds`."""
        message, _, _ = self._ask(Op.CALLS, [x], seed=seed)
        return bool(message.detail & 1), bool(message.detail & 2)

    def _ask(
        self, op: Op, tensors: Sequence[Tensor] = (), content: bytes = b"", **numbers: int
    ) -> tuple[Message, list[Tensor], bytes]:
        if self.traits is None:  # loads the submission
            raise BoxError("the worker holds no submission")
        return self._box.call(op, tensors, content, **numbers)

    def _one(
        self, op: Op, tensors: Sequence[Tensor] = (), content: bytes = b"", **numbers: int
    ) -> Tensor:
        """The one tensor of an answer, on the harness's device."""
        _, outputs, _ = self._ask(op, tensors, content, **numbers)
        return self._counted(outputs, 1)[0]

    def _counted(self, outputs: Sequence[Tensor], expected: int) -> tuple[Tensor, ...]:
        """As many tensors as there should be, on the harness's device."""
        if len(outputs) != expected:
            raise ContractError(
                f"{self._spec.class_name} answered {len(outputs)} tensors, expected {expected}"
            )
        return tuple(one.to(self._device) for one in outputs)

    def stop(self) -> None:
        """End the box."""
        self._box.stop()
