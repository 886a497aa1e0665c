"""Runs, outcomes and scores: frozen plain data, free of torch and of any database."""

from dataclasses import dataclass, field
from typing import Any

from benchmark.threat import Access

CLEAN = "clean"
"""Name of the cell without an attack."""


@dataclass(frozen=True)
class Cell:
    """One attack x access x gradient estimator x threat model of a protocol, as it was run.

    `radius` as in `ThreatModel`, `steps` and `restarts` as in `Budget`; None for the clean cell.
    """

    name: str
    access: Access
    attack: str | None = None
    estimator: str | None = None
    norm: str | None = None
    radius: float | None = None
    steps: int | None = None
    restarts: int | None = None


@dataclass(frozen=True)
class Outcome:
    """One image under one cell before one classifier, as the harness measured it.

    `margin` is the logit of the true label minus the largest other one; it decides
    `correct = margin > 0`. `linf` is in grey levels (0 to 255), `l2` in pixel units. `bits` is the
    length of the defense's bitstream, None for a defense without one. `gradient_steps` and
    `queries` count backward and forward passes that the attack spent on this image.
    """

    classifier: str
    cell: str
    image: str
    correct: bool
    predicted: int
    margin: float
    linf: int
    l2: float
    bits: int | None
    gradient_steps: int
    queries: int
    png_sha256: str


@dataclass(frozen=True)
class Shard:
    """The pictures `start` to `stop` of the sample before one classifier, under every cell."""

    classifier: str
    start: int
    stop: int


@dataclass(frozen=True)
class ShardResult:
    """The outcomes of one shard, and the seconds it took.

    `defense_seconds` is the time of one pass of the defense alone (for a codec, compress and
    decompress) over the shard's clean images.
    """

    shard: Shard
    outcomes: tuple[Outcome, ...]
    seconds: float
    defense_seconds: float


@dataclass(frozen=True)
class ClassifierRecord:
    """An undefended classifier as a run used it: the hash of all that decides its answers."""

    name: str
    identity: str
    height: int
    width: int
    classes: int


@dataclass(frozen=True)
class RunHeader:
    """What a run is, known before its first shard. Two runs with one `key` are the same run.

    `official` is False when `unofficial_reason` says why the run is never ranked.
    """

    key: str
    submission: str
    variant: str
    title: str
    kind: str
    parameters: dict[str, Any]
    submission_hash: str
    protocol: str
    protocol_hash: str
    protocol_content: dict[str, Any]
    dataset: str
    dataset_fingerprint: str
    images: int
    unofficial_reason: str | None
    classifiers: tuple[ClassifierRecord, ...]
    cells: tuple[Cell, ...]
    environment: dict[str, Any]

    @property
    def official(self) -> bool:
        """Whether the run may stand on a board."""
        return self.unofficial_reason is None

    @property
    def entry(self) -> str:
        """The submission with its variant, as `jpeg/q25`."""
        return f"{self.submission}/{self.variant}"


@dataclass(frozen=True)
class Run:
    """One submission under one protocol, as far as it came.

    `status` is `running`, `completed`, `interrupted` or `failed`; `detail` says why.
    """

    id: int
    header: RunHeader
    started: str
    status: str
    detail: str
    results: tuple[ShardResult, ...] = field(default=(), repr=False)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every outcome, ordered by classifier, image, cell as the protocol has them."""
        return tuple(outcome for result in self.results for outcome in result.outcomes)


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % bounds, in the estimate's unit."""

    estimate: float
    low: float
    high: float
