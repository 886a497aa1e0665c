"""Plugins that ask somebody else: what the harness attacks and judges in place of a submission.

They look like the submission's class to everything that asks whether a plugin is a codec, repeated
or selecting, and give its values and gradients to the last bit. What comes back was copied before
it is checked.
"""

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmark.contract import check_images, check_logits
from benchmark.defense import Classifier, Codec, Defense, Plugin, Repeated, Selecting
from benchmark.errors import ContractError
from benchmark.tensors import Defended, Images, Logits, PerImage
from leaderboard.sandbox.channel import Channel
from leaderboard.sandbox.loading import KINDS, Traits

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

    def vjp(self, cotangents: Sequence[Tensor]) -> Tensor:
        keep = bool(torch._C._autograd._get_current_graph_task_keep_graph())
        slope = self.channel.vjp(self.number, cotangents, keep=keep)
        if not keep:
            self.forget.detach()
        return slope


class _Asked(torch.autograd.Function):
    """A map of a plugin elsewhere, as a step that autograd can go back through."""

    @staticmethod
    def forward(context: Any, x: Tensor, channel: Channel, name: str) -> Tensor:
        context.graph = graph = _Graph(channel)
        answer = channel.forward_grad(name, x, fresh_seed(), graph.number)
        context.shape = x.shape
        if not answer.differentiable:
            context.mark_non_differentiable(answer.outputs[0])
        return answer.outputs[0]

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        slope = context.graph.vjp(gradients)
        if slope.shape != context.shape:
            raise ContractError(
                f"a gradient has shape {tuple(slope.shape)}, expected {tuple(context.shape)}"
            )
        return slope, None, None


def asked(channel: Channel, name: str, x: Tensor) -> Tensor:
    """What the map `name` makes of `x`, with its gradient where one is wanted."""
    if not torch.is_grad_enabled():
        return channel.value(name, x, fresh_seed())
    made: Tensor = _Asked.apply(x, channel, name)
    return made


class _Proxy:
    """What all proxies do. `gradients` answers whatever is no stream."""

    gradients: Ask

    def estimated(self, name: str, x: Images) -> Defended:
        """The estimator of that name, which follows the plugin's own code."""
        return self._checked(asked(self.gradients(), name, x), x, name)

    def rounds(self, x: Images) -> tuple[bool, bool]:
        """Whether `forward` rounds, and whether it does with a slope of its own."""
        return self.gradients().rounds(x, fresh_seed())

    def _checked(self, given: Tensor, x: Images, name: str) -> Tensor:
        source = f"{type(self).__name__}.{name}"
        if given.shape != x.shape:
            raise ContractError(
                f"{source} returned shape {tuple(given.shape)}, expected {tuple(x.shape)}"
            )
        return _finite(given, source)


def _finite(given: Tensor, source: str) -> Tensor:
    if not bool(torch.isfinite(given.detach()).all()):
        raise ContractError(f"{source} returned values that are not finite, expected [0, 1]")
    return given


class RemoteDefense(_Proxy, Defense):
    """A purifier elsewhere."""

    def forward(self, x: Images) -> Images:
        """The defended images."""
        given = asked(self.gradients(), "forward", x)
        return check_images(given, x, f"{type(self).__name__}.forward")

    def surrogate(self, x: Images) -> Images:
        """The plugin's stand-in."""
        return self._checked(asked(self.gradients(), "stand-in", x), x, "surrogate")


class RemoteRepeated(RemoteDefense, Repeated):
    """A repeated defense elsewhere; its estimator knows the single round."""


class RemoteSelecting(RemoteDefense, Selecting):
    """A selecting defense elsewhere; its estimator knows the candidates."""


class RemoteCodec(RemoteDefense, Codec):
    """A codec elsewhere: one place compresses, another decompresses, a third has gradients."""

    compressing: Ask
    decompressing: Ask

    def compress(self, x: Images) -> list[bytes]:
        """One stream an image, which is all that `decompress` will see."""
        return self.compressing().compress(x, fresh_seed())

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The images of `streams`."""
        given = self.decompressing().decompress(streams, size, fresh_seed())
        expected = (len(streams), 3, *size)
        if tuple(given.shape) != expected:
            raise ContractError(
                f"{type(self).__name__}.decompress returned shape {tuple(given.shape)}, "
                f"expected {expected}"
            )
        return given


class RemoteLikely(RemoteCodec):
    """A codec with a likelihood model elsewhere."""

    def likelihood_bits(self, x: Images) -> PerImage:
        """Estimated bits of each stream."""
        given = asked(self.gradients(), "likelihood", x)
        if tuple(given.shape) != (len(x),):
            raise ContractError(
                f"{type(self).__name__}.likelihood_bits returned shape {tuple(given.shape)}, "
                f"expected ({len(x)},)"
            )
        return _finite(given, f"{type(self).__name__}.likelihood_bits")


class RemoteClassifier(_Proxy, Classifier):
    """A classifier elsewhere. That it gives enough logits is for the `Replacement` to check."""

    def forward(self, x: Images) -> Logits:
        """The logits."""
        return self._checked(asked(self.gradients(), "forward", x), x, "forward")

    def surrogate(self, x: Images) -> Logits:
        """The logits of the plugin's stand-in."""
        return self._checked(asked(self.gradients(), "stand-in", x), x, "surrogate")

    def _checked(self, given: Tensor, x: Images, name: str) -> Tensor:
        return check_logits(given, len(x), 1, f"{type(self).__name__}.{name}")


def proxy(
    name: str, traits: Traits, gradients: Ask, compressing: Ask, decompressing: Ask
) -> Plugin:
    """A plugin called `name` that has these traits and asks these places."""
    if traits.kind == "classifier":
        bases: list[type] = [RemoteClassifier]
    else:
        bases = [RemoteRepeated] if traits.repeated else []
        bases += [RemoteSelecting] if traits.selecting else []
        if traits.kind == "codec":
            bases.append(RemoteLikely if traits.likelihood else RemoteCodec)
        bases = bases or [RemoteDefense]
    made = type(name, tuple(bases), {"randomized": traits.randomized})()
    made.gradients, made.compressing, made.decompressing = gradients, compressing, decompressing
    if not isinstance(made, KINDS[traits.kind]):
        raise TypeError(f"{name} was made as no {traits.kind}")
    plugin: Plugin = made
    return plugin
