"""The messages between the driver and its workers: one JSON object a line, no pickles."""

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmark.cost import JudgingTime, Measured, StepTime
from benchmark.records import (
    Cell,
    ClassifierRecord,
    CodecOutcome,
    Outcome,
    Picture,
    Shard,
    ShardResult,
)
from benchmark.threat import Access


@dataclass(frozen=True)
class Job:
    """One variant of a submission under one protocol, on one device.

    `protocol` is the protocol's content, `beside` the folders for its relative paths. `precision`
    is what attacks are crafted in: `auto`, `fp32` or `bf16`. `entry` is the submission with its
    variant, `sources` are the codecs that a protocol of the codec track names. `weights` is the
    folder of the files that the manifest names under `[[weights]]`. Unless `sandboxed`, the
    submission's code runs in the worker itself, with the rights of whoever started it. `limits` are
    the manifest's, None for the usual ones.
    """

    protocol: dict[str, Any]
    beside: tuple[str, ...]
    source: str
    class_name: str
    kind: str
    gradient: str
    randomized: bool
    parameters: dict[str, Any]
    device: str
    precision: str
    entry: str = ""
    sources: tuple["SourceJob", ...] = ()
    weights: str | None = None
    sandboxed: bool = True
    limits: dict[str, int] | None = None


@dataclass(frozen=True)
class SourceJob:
    """A codec that transfer attacks are crafted on: a variant of a submission, by its entry."""

    entry: str
    source: str
    class_name: str
    kind: str
    gradient: str
    randomized: bool
    parameters: dict[str, Any]
    identity: str


@dataclass(frozen=True)
class Opened:
    """What a worker found when it made a job ready. `crafting` is the precision of attacks.

    It holds nothing that depends on what the submission's code does, which has not run yet. `code`,
    `packages` and `submission` (the hash of its file) tell machines apart that should be alike.
    """

    dataset: str
    fingerprint: str
    images: int
    classifiers: tuple[ClassifierRecord, ...]
    device: str
    crafting: str
    code: str
    packages: dict[str, str]
    submission: str


@dataclass(frozen=True)
class HandedIn:
    """Pictures (3, height, width) in bytes to judge against the open job.

    `size` is height and width of the classifier's input. `sha256` is that of the whole challenge,
    of which these are a part; `positions` are those of the clean pictures in the sample.
    """

    classifier: str
    size: tuple[int, int]
    norm: str
    radius: float
    sha256: str
    positions: tuple[int, ...]
    pixels: tuple[bytes, ...]


def job_from(content: dict[str, Any]) -> Job:
    """A job as it came over the wire."""
    sources = tuple(SourceJob(**source) for source in content.pop("sources"))
    return Job(sources=sources, **content)


def job_of_source(job: Job, source: SourceJob) -> Job:
    """The job that makes the codec of `source`, on the device of `job`."""
    content = asdict(source)
    del content["identity"]
    return replace(job, **content, sources=())


def opened_from(content: dict[str, Any]) -> Opened:
    """The message `Opened` as it came over the wire."""
    classifiers = tuple(ClassifierRecord(**record) for record in content.pop("classifiers"))
    return Opened(classifiers=classifiers, **content)


def cells_from(content: dict[str, Any]) -> tuple[Cell, ...]:
    """The cells that a defense admits, as they came over the wire."""
    return tuple(Cell(access=Access(cell.pop("access")), **cell) for cell in content["cells"])


def measured_from(content: dict[str, Any]) -> Measured:
    """What a probe found, as it came over the wire."""
    return Measured(
        pictures=content["pictures"],
        batch=content["batch"],
        steps=tuple(StepTime(**one) for one in content["steps"]),
        judging=tuple(JudgingTime(**one) for one in content["judging"]),
        memory_bytes=int(content["memory_bytes"]),
        device_bytes=int(content["device_bytes"]),
    )


def handed_in_to(given: HandedIn) -> dict[str, Any]:
    """Pictures for the wire."""
    return asdict(given) | {"pixels": [b64encode(pixels).decode() for pixels in given.pixels]}


def handed_in_from(content: dict[str, Any]) -> HandedIn:
    """Pictures as they came over the wire."""
    pixels = tuple(b64decode(text) for text in content.pop("pixels"))
    height, width = content.pop("size")
    positions = tuple(content.pop("positions"))
    return HandedIn(pixels=pixels, positions=positions, size=(height, width), **content)


def result_to(result: ShardResult) -> dict[str, Any]:
    """A shard's result for the wire."""
    pictures = [
        asdict(picture) | {"png": b64encode(picture.png).decode()} for picture in result.pictures
    ]
    outcomes = [outcome._asdict() for outcome in result.outcomes]
    rest = asdict(replace(result, outcomes=(), pictures=()))
    return rest | {"outcomes": outcomes, "pictures": pictures}


def result_from(content: dict[str, Any]) -> ShardResult:
    """A shard's result as it came over the wire."""
    return ShardResult(
        shard=Shard(**content["shard"]),
        outcomes=outcomes_from(content["outcomes"]),
        seconds=content["seconds"],
        defense_seconds=content["defense_seconds"],
        diagnostics=content["diagnostics"],
        codec_outcomes=tuple(CodecOutcome(**one) for one in content["codec_outcomes"]),
        pictures=tuple(
            Picture(**one | {"png": b64decode(one["png"])}) for one in content["pictures"]
        ),
    )


def outcomes_from(content: list[dict[str, Any]]) -> tuple[Outcome, ...]:
    """Outcomes as they came over the wire."""
    return tuple(Outcome(**outcome) for outcome in content)
