"""A submission's plugins, in boxes or in this process, and all of them ended together."""

from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import Self

import torch

from benchmark.defense import Plugin
from benchmark.errors import ContractError
from leaderboard.sandbox import machine
from leaderboard.sandbox.arguments import Shown
from leaderboard.sandbox.channel import Boxed, Channel
from leaderboard.sandbox.library import fetched
from leaderboard.sandbox.limits import DEFAULT, Limits
from leaderboard.sandbox.loading import PluginSpec, load
from leaderboard.sandbox.servant import Servant
from leaderboard.sandbox.stand_in import Places, proxy
from leaderboard.sandbox.traits import Traits

FILES = 8
"""Weight files that may be fetched for one submission; a box that asks for more is refused."""


class Boxes:
    """Makes plugins that run in boxes. Use as a context; it ends what it started.

    Each call of `make` gives one that shares nothing with the others: a box, and for a codec
    another one that decompresses and is given nothing but streams. A box begins when it is first
    needed. Whoever is to judge gets a plugin of its own, whose boxes never computed a gradient.
    """

    def __init__(self, spec: PluginSpec, shown: Shown, limits: Limits = DEFAULT) -> None:
        """Nothing is started yet; `BoxError` where this machine can make no box."""
        machine.check()
        self._spec, self._shown, self._limits = spec, shown, limits
        self._started: list[Boxed] = []
        self._traits: Traits | None = None

    def make(self) -> Plugin:
        """A fresh plugin."""
        answering, decompressing = _Lazy(self._start), _Lazy(self._start)
        if self._traits is None:
            self._traits = self._first(answering)

        def compress() -> Channel:
            decompressing.begin()  # both import torch at the same time
            return answering()

        places = Places(answering, compress, decompressing)
        return proxy(self._spec.class_name, self._traits, places)

    def _first(self, answering: "_Lazy") -> Traits:
        """What the first box says, once it has the weights that it lacks."""
        for _ in range(FILES):
            try:
                return answering().traits
            except ContractError as problem:
                if not fetched(problem):
                    raise
        return answering().traits

    def _start(self) -> Boxed:
        made = Boxed(self._spec, self._shown, self._limits)
        self._started.append(made)
        return made

    @property
    def outputs(self) -> list[str]:
        """The end of what each box printed, harmless to show."""
        return [one.output for one in self._started]

    def stop(self) -> None:
        """End every box."""
        while self._started:
            self._started.pop().stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Lazy:
    """A box that begins when it is needed."""

    def __init__(self, start: Callable[[], Boxed]) -> None:
        self._start = start
        self._made: Boxed | None = None

    def begin(self) -> Boxed:
        """The box, which may still be importing."""
        if self._made is None:
            self._made = self._start()
        return self._made

    def __call__(self) -> Boxed:
        """The box with its submission loaded."""
        made = self.begin()
        if not made.traits:
            raise TypeError("a plugin without traits")
        return made


class InProcess:
    """Makes plugins in this process: for one's own code, and to compare with."""

    def __init__(self, spec: PluginSpec, device: str = "cpu") -> None:
        """Nothing is loaded yet."""
        self._spec, self._device = spec, torch.device(device)

    def make(self) -> Plugin:
        """A fresh plugin; a codec decompresses by another instance than it compresses."""
        servant = self._servant()
        decompressing = cache(self._servant)
        places = Places(lambda: servant, lambda: servant, decompressing)
        return proxy(self._spec.class_name, servant.traits, places)

    def _servant(self) -> Servant:
        return Servant(load(self._spec).to(self._device).eval())

    def stop(self) -> None:
        """Nothing was started."""
