"""What a harness has to know of a plugin to ask it, and the bytes that say so on the wire."""

import math
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmark.codec_track.features import layered
from benchmark.contract import check_trade_off
from benchmark.defense import (
    Classifier,
    Codec,
    Defense,
    Plugin,
    Repeated,
    Selecting,
    SelectingCodec,
)

KINDS: Mapping[str, type[Plugin]] = {
    "codec": Codec,
    "purifier": Defense,
    "classifier": Classifier,
}
"""What a manifest calls a class, from the narrowest on."""
VIEW = struct.Struct("<BBd")
"""A plugin, or the bare codec behind one: its kind's place, its flags, its trade-off."""
FLAGS = ("randomized", "repeated", "selecting", "likelihood", "branching", "layered")


class Traits(NamedTuple):
    """What a plugin is. The last four are of codecs.

    `branching` is a `SelectingCodec`, `layered` says whether it has convolutions. `bare` is the
    codec without its defense; None where that is the codec itself.
    """

    kind: str
    randomized: bool
    repeated: bool
    selecting: bool
    likelihood: bool = False
    branching: bool = False
    layered: bool = False
    trade_off: float | None = None
    bare: "Traits | None" = None


def traits_of(plugin: Plugin, bare: Plugin | None = None) -> Traits:
    """What the plugin is; `bare` is what it gives as its bare codec, None for no codec."""
    kind = next(name for name, one in KINDS.items() if isinstance(plugin, one))
    made = Traits(
        kind,
        bool(plugin.randomized),
        isinstance(plugin, Repeated),
        isinstance(plugin, Selecting),
    )
    if not isinstance(plugin, Codec):
        return made
    return made._replace(
        likelihood=bool(plugin.has_likelihood),
        branching=isinstance(plugin, SelectingCodec),
        layered=layered(plugin),
        trade_off=check_trade_off(plugin.trade_off, type(plugin).__name__),
        bare=None if bare is None or bare is plugin else traits_of(bare),
    )


def traits_to(traits: Traits) -> bytes:
    """The traits for the wire."""
    flags = sum(int(getattr(traits, name)) << bit for bit, name in enumerate(FLAGS))
    trade_off = math.nan if traits.trade_off is None else traits.trade_off
    said = VIEW.pack(list(KINDS).index(traits.kind), flags, trade_off)
    return said if traits.bare is None else said + traits_to(traits.bare)


def traits_from(content: bytes) -> Traits:
    """The traits that came over the wire."""
    if len(content) not in (VIEW.size, 2 * VIEW.size):
        raise ValueError(f"traits of {len(content)} bytes")
    made, *behind = (_view(*view) for view in VIEW.iter_unpack(content))
    if behind and {made.kind, behind[0].kind} != {"codec"}:
        raise ValueError(f"a {made.kind} with a bare {behind[0].kind}")
    return made._replace(bare=behind[0] if behind else None)


def _view(kind: int, flags: int, trade_off: float) -> Traits:
    if kind >= len(KINDS) or flags >> len(FLAGS):
        raise ValueError(f"no traits have the kind {kind} and the flags {flags}")
    has: dict[str, Any] = {name: bool(flags >> bit & 1) for bit, name in enumerate(FLAGS)}
    known = None if math.isnan(trade_off) else check_trade_off(trade_off, "the codec")
    return Traits(list(KINDS)[kind], trade_off=known, **has)
