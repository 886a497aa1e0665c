"""The plugin that stands in the harness for one elsewhere, by what that one is."""

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from benchmark.defense import Plugin
from benchmark.errors import ContractError
from leaderboard.sandbox.codecs import RemoteBranching, RemoteCodec, RemoteLikely
from leaderboard.sandbox.proxies import (
    Ask,
    RemoteClassifier,
    RemoteDefense,
    RemoteRepeated,
    RemoteSelecting,
)
from leaderboard.sandbox.traits import KINDS, Traits


class Places(NamedTuple):
    """Who answers: for all that is no stream, who compresses, and who decompresses."""

    gradients: Ask
    compressing: Ask
    decompressing: Ask


def proxy(name: str, traits: Traits, places: Places) -> Plugin:
    """A plugin called `name` that has these traits and asks these places."""
    content = {"randomized": traits.randomized, "trade_off": traits.trade_off}
    made: Any = type(name, tuple(_bases(traits)), content)()
    made.gradients, made.layered = places.gradients, traits.layered
    made.compressing, made.decompressing = places.compressing, places.decompressing
    made.behind = None
    if traits.bare is not None:
        made.behind = proxy(name, traits.bare, Places(places.gradients, _nobody, _nobody))
        made.behind.of_bare = True
    if not isinstance(made, KINDS[traits.kind]):
        raise TypeError(f"{name} was made as no {traits.kind}")
    plugin: Plugin = made
    return plugin


def _bases(traits: Traits) -> Sequence[type]:
    if traits.kind == "classifier":
        return [RemoteClassifier]
    bases: list[type] = [RemoteRepeated] if traits.repeated else []
    if traits.branching:
        bases.append(RemoteBranching)
    elif traits.selecting:
        bases.append(RemoteSelecting)
    if traits.kind == "codec":
        bases.append(RemoteLikely if traits.likelihood else RemoteCodec)
    return bases or [RemoteDefense]


def _nobody() -> NoReturn:
    raise ContractError(
        "a defense elsewhere was asked for streams of the codec behind it; attacks ask that one, "
        "judges the defended one"
    )
