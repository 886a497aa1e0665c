"""External challenges: adversarial pictures against a stored run, judged and kept beside it."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from benchmark import environment
from benchmark.errors import CallError, DataError, UnknownNameError
from benchmark.protocol import Protocol
from benchmark.records import CLEAN, Challenge, Run
from benchmark.score import threats
from benchmark.threat import ThreatModel
from leaderboard.engine.local import LocalEngine
from leaderboard.engine.wire import HandedIn, Opened, handed_in_to, outcomes_from
from leaderboard.evaluation import Request, job_of
from leaderboard.handed_in import Expected, HandedInPicture, find
from leaderboard.sandbox import machine
from leaderboard.store import Store
from leaderboard.store.store import COMPLETED
from leaderboard.submission import Submission, load

Progress = Callable[[int, int], None]
"""Called with the pictures judged and their number."""


@dataclass(frozen=True)
class Asked:
    """A call: pictures, a folder or a file, against a run.

    `submission` is the folder that the run judged. `threat` as `linf-4`, None for the protocol's
    headline; `classifier` None for each that has pictures; `beside` as in `Request`.
    """

    run: Run
    images: Path
    submission: Path
    threat: str | None
    classifier: str | None
    by: str
    device: str
    beside: Path


class Answer(NamedTuple):
    """The challenges that were recorded, and those among the given that the run already had."""

    recorded: tuple[Challenge, ...]
    known: tuple[Challenge, ...]


class _Part(NamedTuple):
    """The pictures before one classifier, and the sha256 of their content and images."""

    classifier: str
    pictures: Sequence[HandedInPicture]
    sha256: str


def challenge(asked: Asked, store: Store, progress: Progress) -> Answer:
    """Judge the pictures in a worker of their own and record what came out, all or nothing."""
    run = asked.run
    if run.status != COMPLETED:
        raise CallError(f"run {run.id} is {run.status}; only a completed run can be challenged")
    if run.header.track != "classifier":
        raise CallError(
            f"run {run.id} is of the {run.header.track} track; only runs of the classifier track "
            "can be challenged"
        )
    protocol = _protocol(run)
    threat = _threat(asked, protocol)
    submission = _submission(asked)
    parts = _parts(asked)
    before = {(c.classifier, c.threat, c.sha256): c for c in run.challenges}
    keys = [(part.classifier, threat, part.sha256) for part in parts]
    known = tuple(before[key] for key in keys if key in before)
    new = [part for part, key in zip(parts, keys, strict=True) if key not in before]
    if not new:
        return Answer((), known)
    request = Request(
        submission,
        submission.variant(run.header.variant),
        protocol,
        beside=(asked.beside,),
        device=asked.device,
        precision="fp32",
        # Whoever could run it with his own rights then may do so now, if there is no other way.
        sandboxed=bool(run.header.environment.get("sandboxed")) or machine.available(),
    )
    recorded = tuple(_judged(asked, request, threat, new, progress))
    if not any(one.outcomes for one in recorded):
        raise CallError(
            f"{asked.images}: no picture differs from the clean one and stays in the ball of "
            f"{threat}{_nearest(recorded)}; nothing was recorded"
        )
    store.challenge(run.id, recorded)
    return Answer(recorded, known)


def _protocol(run: Run) -> Protocol:
    try:
        return Protocol.model_validate_json(json.dumps(run.header.protocol_content))
    except ValidationError as problem:
        raise CallError(
            f"run {run.id} has a protocol that this version cannot read; evaluate again"
        ) from problem


def _threat(asked: Asked, protocol: Protocol) -> ThreatModel:
    """One that the run has figures for."""
    known = {str(threat): threat for threat in threats(asked.run.header.cells)}
    given = asked.threat or str(protocol.headline_threat)
    if given not in known:
        raise UnknownNameError(f"threat model of run {asked.run.id}", given, known)
    return known[given]


def _submission(asked: Asked) -> Submission:
    found, header = load(asked.submission), asked.run.header
    if found.hash != header.submission_hash:
        raise CallError(
            f"{asked.submission} has sha256 {found.hash[:12]}…, but run {asked.run.id} judged "
            f"{header.submission_hash[:12]}…; give the folder as it was then with --submission"
        )
    return found


def _parts(asked: Asked) -> list[_Part]:
    """The pictures by classifier. Each one is read once here, for its form and its content."""
    header = asked.run.header
    names = [record.name for record in header.classifiers]
    if asked.classifier is not None and asked.classifier not in names:
        raise UnknownNameError(f"classifier of run {asked.run.id}", asked.classifier, names)
    clean = (o.image for o in asked.run.outcomes if (o.classifier, o.cell) == (names[0], CLEAN))
    images = {image: position for position, image in enumerate(clean)}
    found = find(asked.images, Expected(images, header.classifiers, asked.classifier))
    parts = []
    for name, group in groupby(found, key=lambda picture: picture.classifier.name):
        pictures = list(group)
        digest = hashlib.sha256()
        for picture in pictures:
            digest.update(f"{picture.image}\0".encode() + picture.read())
        parts.append(_Part(name, pictures, digest.hexdigest()))
    return parts


def _judged(
    asked: Asked,
    request: Request,
    threat: ThreatModel,
    parts: Sequence[_Part],
    progress: Progress,
) -> Iterator[Challenge]:
    threads = int(asked.run.header.environment.get("threads", 1))
    total, done = sum(len(part.pictures) for part in parts), 0
    # A fresh process: what judges has crafted nothing and met no other submission.
    with LocalEngine(1, threads) as engine:
        opened = engine.open(job_of(request))
        _check_same(opened, asked.run)
        engine.admit()
        for part in parts:
            replies = []
            for start in range(0, len(part.pictures), request.protocol.batch):
                pictures = part.pictures[start : start + request.protocol.batch]
                replies.append(engine.ask("challenge", _message(part, pictures, threat)))
                done += len(pictures)
                progress(done, total)
            yield Challenge(
                at=datetime.now(UTC).isoformat(timespec="seconds"),
                by=asked.by,
                classifier=part.classifier,
                threat=threat,
                sha256=part.sha256,
                outcomes=tuple(o for reply in replies for o in outcomes_from(reply["outcomes"])),
                outside={k: v for reply in replies for k, v in reply["outside"].items()},
                unchanged=tuple(name for reply in replies for name in reply["unchanged"]),
                environment=environment.describe(opened.device, threads),
            )


def _message(
    part: _Part, pictures: Sequence[HandedInPicture], threat: ThreatModel
) -> dict[str, Any]:
    record = pictures[0].classifier
    return handed_in_to(
        HandedIn(
            classifier=part.classifier,
            size=(record.height, record.width),
            norm=threat.norm.value,
            radius=threat.radius,
            sha256=part.sha256,
            positions=tuple(picture.position for picture in pictures),
            pixels=tuple(picture.read() for picture in pictures),
        )
    )


def _check_same(opened: Opened, run: Run) -> None:
    """Refuse to judge on other pictures or weights than the run did."""
    header = run.header
    if opened.fingerprint != header.dataset_fingerprint:
        raise DataError(
            f"dataset {opened.dataset} has fingerprint {opened.fingerprint[:12]}… here, but run "
            f"{run.id} judged {header.dataset_fingerprint[:12]}…; restore the pictures"
        )
    for found, judged in zip(opened.classifiers, header.classifiers, strict=True):
        if found.identity != judged.identity:
            raise DataError(
                f"classifier {judged.name} is not the one of run {run.id}: it hashes to "
                f"{found.identity[:12]}…, expected {judged.identity[:12]}…; restore its weights"
            )


def _nearest(challenges: Sequence[Challenge]) -> str:
    """The smallest perturbation outside of the ball, in words."""
    sizes = {image: size for one in challenges for image, size in one.outside.items()}
    if not sizes:
        return ""
    image = min(sizes, key=lambda name: sizes[name])
    return f" (nearest: {image}, {sizes[image]:g})"
