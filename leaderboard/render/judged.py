"""A completed run with what is derived from it, of either track."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from benchmark.protocol import CodecProtocol, Protocol
from benchmark.records import Run
from benchmark.threat import ThreatModel
from leaderboard.render.about import UNKNOWN, About
from leaderboard.render.codec_digest import CodecDigest
from leaderboard.render.digest import Digest

P = TypeVar("P", Protocol, CodecProtocol)
D = TypeVar("D", Digest, CodecDigest)


@dataclass(frozen=True)
class JudgedRun(Generic[P, D]):
    """A completed run, its protocol, its digest, and what its manifest says."""

    run: Run
    protocol: P
    digest: D
    about: About = UNKNOWN

    @property
    def headline(self) -> ThreatModel:
        """The threat model that boards are sorted by."""
        return self.protocol.headline_threat

    @property
    def randomized(self) -> bool:
        """Whether its judge drew more than once."""
        return self.digest.draws > 1

    @property
    def flags(self) -> tuple[str, ...]:
        """The names of the flags that it raised, each once."""
        return tuple(dict.fromkeys(flag.name for flag in self.digest.raised))
