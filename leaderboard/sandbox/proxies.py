"""Plugins that ask somebody else: what the harness attacks and judges in place of a submission.

They look like the submission's class to everything that asks whether a plugin is a codec, repeated
or selecting, and give its values and gradients to the last bit. What comes back was copied before
it is checked.
"""

import itertools
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmark.contract import check_images, check_logits
from benchmark.defense import Classifier, Defense, Repeated, Selecting
from benchmark.errors import ContractError
from benchmark.tensors import Defended, Images, Logits
from leaderboard.sandbox.channel import Channel
from leaderboard.sandbox.questions import Question

Ask = Callable[[], Channel]
"""Gives who answers, and starts it if need be."""
GRAPHS = itertools.count(1)


def fresh_seed() -> int:
    """The seed of the next call's draws, drawn from the generator that the harness has seeded."""
    return int(torch.randint(2**62, ()))


class _Graph:
    """A call kept by a channel for as long as autograd here may go back through it."""

    def __init__(self, channel: Channel) -> None:
        self.channel, self.number = channel, next(GRAPHS)
        self.forget = weakref.finalize(self, channel.release, self.number)

    def vjp(self, cotangents: Mapping[int, Tensor]) -> Tensor:
        keep = bool(torch._C._autograd._get_current_graph_task_keep_graph())
        slope = self.channel.vjp(self.number, cotangents, keep=keep)
        if not keep:
            self.forget.detach()
        return slope


class _Asked(torch.autograd.Function):
    """A map of a plugin elsewhere, as a step that autograd can go back through."""

    @staticmethod
    def forward(
        context: Any, x: Tensor, channel: Channel, question: Question
    ) -> tuple[Tensor, ...]:
        context.graph = graph = _Graph(channel)
        answer = channel.forward_grad(question, x, fresh_seed(), graph.number)
        context.shape, context.places = x.shape, answer.differentiable
        context.set_materialize_grads(False)
        context.mark_non_differentiable(
            *(one for i, one in enumerate(answer.outputs) if i not in answer.differentiable)
        )
        return answer.outputs

    @staticmethod
    def backward(context: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None, None]:
        given = {i: one for i in context.places if (one := gradients[i]) is not None}
        if not given:
            return None, None, None
        slope = context.graph.vjp(given)
        if slope.shape != context.shape:
            raise ContractError(
                f"a gradient has shape {tuple(slope.shape)}, expected {tuple(context.shape)}"
            )
        return slope, None, None


def asked(channel: Channel, question: Question, x: Tensor) -> tuple[Tensor, ...]:
    """What the map asked for makes of `x`, with its gradient where one is wanted."""
    if not torch.is_grad_enabled():
        return channel.value(question, x, fresh_seed())
    made: tuple[Tensor, ...] = _Asked.apply(x, channel, question)
    return made


class Proxy:
    """What all proxies do. `gradients` answers whatever is no stream."""

    gradients: Ask
    of_bare: bool = False
    """Whether the codec behind the plugin's defense is meant."""

    def estimated(self, name: str, x: Images) -> Defended:
        """The estimator of that name, which follows the plugin's own code."""
        return self._checked(self._one(name, x), x, name)

    def rounds(self, x: Images) -> tuple[bool, bool]:
        """Whether `forward` rounds, and whether it does with a slope of its own."""
        return self.gradients().rounds(x, fresh_seed())

    def _answers(self, name: str, x: Images, draws: int = 1) -> tuple[Tensor, ...]:
        return asked(self.gradients(), Question(name, self.of_bare, draws), x)

    def _one(self, name: str, x: Images, draws: int = 1) -> Tensor:
        (given,) = self._answers(name, x, draws)
        return given

    def _checked(self, given: Tensor, x: Images, name: str) -> Tensor:
        return sound(given, tuple(x.shape), f"{type(self).__name__}.{name}")


def sound(given: Tensor, expected: tuple[int, ...], source: str) -> Tensor:
    """`given` if it has the shape expected and is finite."""
    if tuple(given.shape) != expected:
        raise ContractError(f"{source} returned shape {tuple(given.shape)}, expected {expected}")
    if not bool(torch.isfinite(given.detach()).all()):
        raise ContractError(f"{source} returned values that are not finite")
    return given


class RemoteDefense(Proxy, Defense):
    """A purifier elsewhere."""

    def forward(self, x: Images) -> Images:
        """The defended images."""
        given = self._one("forward", x)
        return check_images(given, x, f"{type(self).__name__}.forward")

    def surrogate(self, x: Images) -> Images:
        """The plugin's stand-in."""
        return self._checked(self._one("stand-in", x), x, "surrogate")


class RemoteRepeated(RemoteDefense, Repeated):
    """A repeated defense elsewhere; its estimator knows the single round."""


class RemoteSelecting(RemoteDefense, Selecting):
    """A selecting defense elsewhere; its estimator knows the candidates."""


class RemoteClassifier(Proxy, Classifier):
    """A classifier elsewhere. That it gives enough logits is for the `Replacement` to check."""

    def forward(self, x: Images) -> Logits:
        """The logits."""
        return self._checked(self._one("forward", x), x, "forward")

    def surrogate(self, x: Images) -> Logits:
        """The logits of the plugin's stand-in."""
        return self._checked(self._one("stand-in", x), x, "surrogate")

    def _checked(self, given: Tensor, x: Images, name: str) -> Tensor:
        return check_logits(given, len(x), 1, f"{type(self).__name__}.{name}")
