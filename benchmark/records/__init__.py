"""Runs, outcomes and scores: frozen plain data, free of torch and of any database."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmark.records.codec_outcome import CodecOutcome
from benchmark.records.picture import OUTPUT, SHOWABLE, SOURCE, WINDOW, Picture
from benchmark.threat import Access, ThreatModel

__all__ = [
    "CLEAN",
    "OUTPUT",
    "SHOWABLE",
    "SOURCE",
    "WINDOW",
    "Cell",
    "Challenge",
    "ClassifierRecord",
    "CodecOutcome",
    "Interval",
    "Outcome",
    "Picture",
    "Run",
    "RunHeader",
    "Shard",
    "ShardResult",
]

CLEAN = "clean"
"""Name of the cell without an attack."""


@dataclass(frozen=True)
class Cell:
    """One attack x access x gradient estimator x threat model of a protocol, as it was run.

    `radius` as in `ThreatModel`, `steps` to `draws` as in `Budget`; None for the clean cell.
    `options` are those of the attack, in words. A cell with `images` attacks the first so many of
    the sample, others all. A `check` cell exists for the flags; its radius is no figure of its own.
    A cell of the `rest` attacks what no earlier cell of its access broke inside its ball; its
    accuracy is therefore that of the suite so far. On the codec track `objective` is what the
    attack raises, and `source` the entry that a transfer attack was crafted on.
    """

    name: str
    access: Access
    attack: str | None = None
    estimator: str | None = None
    norm: str | None = None
    radius: float | None = None
    steps: int | None = None
    restarts: int | None = None
    queries: int | None = None
    draws: int | None = None
    images: int | None = None
    options: str = ""
    check: bool = False
    rest: bool = False
    objective: str | None = None
    source: str | None = None


class Outcome(NamedTuple):
    """One image under one cell before one classifier, as the harness measured it.

    `margin` is the logit of the true label minus the largest other one; it decides
    `correct = margin > 0`. `linf` is in grey levels (0 to 255), `l2` in pixel units. `bits` is the
    length of the defense's bitstream, None for a defense without one. `gradient_steps` and
    `queries` count backward and forward passes that the attack spent on this image.

    A randomized defense is judged on `draws` fresh draws, of which `draws_correct` are right; there
    `correct` says most of them, `predicted` is the most frequent answer, `margin` and `bits` are
    means. A tuple, because a board's runs have millions.
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
    draws: int
    draws_correct: int


@dataclass(frozen=True)
class Shard:
    """The pictures `start` to `stop` of the sample before one classifier, under every cell.

    On the codec track no classifier stands behind; its name is empty there.
    """

    classifier: str
    start: int
    stop: int


@dataclass(frozen=True)
class ShardResult:
    """The outcomes of one shard, and the seconds it took.

    `defense_seconds` is the time of one pass of the defense alone (for a codec, compress and
    decompress) over the shard's clean images. `diagnostics` are what the probes measured, for the
    flags (see `benchmark.probes`). On the codec track there are `codec_outcomes` in the place of
    `outcomes`. `pictures` are of a few images, under the cells that decide of them.
    """

    shard: Shard
    outcomes: tuple[Outcome, ...]
    seconds: float
    defense_seconds: float
    diagnostics: dict[str, float] = field(default_factory=dict)
    codec_outcomes: tuple[CodecOutcome, ...] = ()
    pictures: tuple[Picture, ...] = field(default=(), repr=False)


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

    `official` is False when `unofficial_reason` says why the run is never ranked. `track` is
    `classifier` or `codec`; a run of the latter has no classifiers.
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
    track: str = "classifier"

    @property
    def official(self) -> bool:
        """Whether the run may stand on a board."""
        return self.unofficial_reason is None

    @property
    def entry(self) -> str:
        """The submission with its variant, as `jpeg/q25`."""
        return f"{self.submission}/{self.variant}"


@dataclass(frozen=True)
class Challenge:
    """Pictures that somebody handed in against a run, judged as the run's own were.

    `sha256` is that of the pictures and the names of their images. `outcomes` are those of changed
    pictures in the ball. A picture that left it counts as the clean one: `outside` has the size of
    its perturbation by image, in grey levels for linf, in pixel units for l2. `unchanged` are the
    clean pictures among those handed in. `environment` is the judge's.
    """

    at: str
    by: str
    classifier: str
    threat: ThreatModel
    sha256: str
    outcomes: tuple[Outcome, ...]
    outside: dict[str, float]
    unchanged: tuple[str, ...]
    environment: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One submission under one protocol, as far as it came.

    `status` is `running`, `completed`, `interrupted` or `failed`; `detail` says why. `challenges`
    are in the order they came; no figure of the run's own counts them.
    """

    id: int
    header: RunHeader
    started: str
    status: str
    detail: str
    results: tuple[ShardResult, ...] = field(default=(), repr=False)
    challenges: tuple[Challenge, ...] = field(default=(), repr=False)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every outcome, ordered by classifier, image, cell as the protocol has them."""
        return tuple(outcome for result in self.results for outcome in result.outcomes)

    @property
    def codec_outcomes(self) -> tuple[CodecOutcome, ...]:
        """Every outcome of a run of the codec track, ordered by image, cell as the protocol's."""
        return tuple(outcome for result in self.results for outcome in result.codec_outcomes)


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % bounds, in the estimate's unit."""

    estimate: float
    low: float
    high: float
