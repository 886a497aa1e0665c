"""A run with what is derived from it, and the order in which a board has its entries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from benchmark.comparison import tiers
from benchmark.errors import SqueezebenchError
from benchmark.protocol import AnyProtocol, Protocol, of_content
from benchmark.records import Interval, Run
from benchmark.score import mean_share
from leaderboard.render.digest import Digest, PerImage
from leaderboard.render.judged import JudgedRun


@dataclass(frozen=True)
class Entry(JudgedRun[Protocol, Digest]):
    """A completed run of the classifier track."""

    @property
    def draws(self) -> int:
        """How often its judge drew."""
        return self.digest.draws

    @cached_property
    def means(self) -> Mapping[str, Interval]:
        """Clean and worst-case accuracy over all images, the mean of the board's classifiers."""
        return {
            field: mean_share([float(share) for share in over_classifiers(self, field)])
            for field in ("clean", "worst")
        }

    @property
    def images(self) -> tuple[str, ...]:
        """The images of the sample that the run judged, in order."""
        return self.digest.parts[0].images.images

    @property
    def bits_per_pixel(self) -> float | None:
        """The mean over its classifiers' clean images; None for a defense without a bitstream."""
        rates = [part.score.bits_per_pixel for part in self.digest.parts]
        known = [rate.estimate for rate in rates if rate is not None]
        return sum(known) / len(known) if len(known) == len(rates) else None


def protocol_of(run: Run) -> AnyProtocol | str:
    """The protocol as the run carries it, or why this version cannot read it."""
    return _protocol(json.dumps(run.header.protocol_content))


@lru_cache(maxsize=64)
def _protocol(content: str) -> AnyProtocol | str:
    unreadable = "this version of squeezebench cannot read its protocol"
    try:
        return of_content(json.loads(content))
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the protocol"
        return f"{unreadable}: {where}: {first['msg']}"
    except SqueezebenchError as problem:
        return f"{unreadable}: {problem}"


def over_classifiers(entry: Entry, field: str) -> NDArray[np.float64]:
    """Of each image, the mean over the classifiers of what `PerImage` calls `field`."""
    shares = np.array([_field(part.images, field) for part in entry.digest.parts])
    return np.asarray(shares.mean(axis=0), dtype=np.float64)


def _field(images: PerImage, field: str) -> tuple[float, ...]:
    values: tuple[float, ...] = getattr(images, field)
    return values


def mean_figure(entry: Entry, field: str) -> Interval:
    """The accuracy over all images, `clean` or `worst`, the mean of the board's classifiers."""
    return entry.means[field]


def ranked(entries: Sequence[Entry]) -> list[tuple[int, Entry]]:
    """Official entries with their tier, the best first; all judged the same images."""
    if not entries:
        return []
    shares = np.array([over_classifiers(entry, "worst") for entry in entries])
    steps = [entry.draws * len(entry.digest.parts) for entry in entries]
    found = list(zip(tiers(shares, steps), entries, strict=True))
    return sorted(found, key=lambda one: (one[0], *order(one[1])))


def order(entry: Entry) -> tuple[float, float, str]:
    """A key that sorts the best first."""
    means = entry.means
    return (-means["worst"].estimate, -means["clean"].estimate, entry.run.header.entry)
