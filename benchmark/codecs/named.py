"""Every lossy codec here by a name and a rate, for defenses that are put around any of them.

CompressAI is imported with this module, which takes seconds.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from benchmark.codecs import mini, zoo
from benchmark.codecs.avif import Avif
from benchmark.codecs.bls2017 import Bls2017
from benchmark.codecs.heic import Heic
from benchmark.codecs.jpeg2000 import Jpeg2000
from benchmark.codecs.jpeg_xl import JpegXL
from benchmark.codecs.pillow import Jpeg
from benchmark.codecs.published import ELIC, HIFIC, Elic, Hific
from benchmark.codecs.trade_off import slope
from benchmark.codecs.vvc import Vvc
from benchmark.codecs.webp import WebP
from benchmark.codecs.zoo import Zoo
from benchmark.defense import Codec
from benchmark.errors import CallError, UnknownNameError

Rate = str | int | float


class Family(NamedTuple):
    """A codec at any of its rates.

    `around` gives a coarser and a finer rate, from which the trade-off of a codec that has none is
    computed; None if it has one, or if none is known.
    """

    make: Callable[[Any], Codec]
    around: Callable[[Any], tuple[Rate, Rate]] | None = None


def _quality(lowest: int, highest: int) -> Callable[[int], tuple[int, int]]:
    return lambda rate: (max(lowest, rate - 5), min(highest, rate + 5))


TRADITIONAL: Mapping[str, Family] = {
    "jpeg": Family(Jpeg, _quality(1, 100)),
    "jpeg2000": Family(Jpeg2000, lambda rate: (0.8 * rate, 1.25 * rate)),
    "webp": Family(WebP, _quality(0, 100)),
    "avif": Family(Avif, _quality(0, 100)),
    "heic": Family(Heic, _quality(0, 100)),
    "jpeg-xl": Family(JpegXL, _quality(0, 99)),
    "vvc": Family(Vvc, lambda rate: (min(63, rate + 2), max(0, rate - 2))),
}
"""The rate is what the codec calls its quality, in jpeg2000 bits a pixel, in vvc the parameter."""


FAMILIES: Mapping[str, Family] = {
    **TRADITIONAL,
    "bls2017": Family(Bls2017),
    "elic": Family(Elic),
    "hific": Family(Hific),
    **{name: Family(partial(Zoo, name)) for name in zoo.ARCHITECTURES},
    **{name: Family(partial(mini.load, name)) for name in mini.MINIS},
}
"""The rate is the step of bls2017, the quality of CompressAI's, a name with the others."""
WORDS: Mapping[str, Mapping[str, object]] = {
    "elic": ELIC,
    "hific": HIFIC,
    **{name: one.sha256 for name, one in mini.MINIS.items()},
}
"""Codecs whose rates have names, and these."""


def named(codec: str, rate: Rate) -> Codec:
    """The codec of this name at this rate; an unknown name or rate is an error that says which."""
    if codec not in FAMILIES:
        raise UnknownNameError("codec", codec, FAMILIES)
    wanted = str if codec in WORDS else float if codec == "jpeg2000" else int
    given = isinstance(rate, int | float if wanted is float else wanted)
    if not given or isinstance(rate, bool):
        words = f": {', '.join(WORDS[codec])}" if codec in WORDS else ""
        kind = {str: "a name", int: "a whole number", float: "a number"}[wanted]
        raise CallError(f"rate {rate!r} of {codec}: expected {kind}{words}")
    return FAMILIES[codec].make(rate)


def with_trade_off(codec: str, rate: Rate) -> Codec:
    """As `named`, with a trade-off: its own, or the slope of its curve there.

    The published HiFiC has none that is known here.
    """
    made = named(codec, rate)
    around = FAMILIES[codec].around
    if made.trade_off is None and around is not None:
        coarser, finer = around(rate)
        made.trade_off = slope(named(codec, coarser), named(codec, finer))
    return made
