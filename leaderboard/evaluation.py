"""One variant of a submission under one protocol: begun, or taken up where it was, and stored."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from benchmark import environment
from benchmark.errors import CallError, EngineError, SqueezebenchError
from benchmark.plan import plan
from benchmark.protocol import CLEAN_CELL, AnyProtocol, CodecProtocol
from benchmark.records import Run, RunHeader, Shard, ShardResult
from leaderboard.engine import Engine
from leaderboard.engine.wire import Job, Opened, SourceJob
from leaderboard.store import Store
from leaderboard.store.store import COMPLETED, INTERRUPTED
from leaderboard.submission import SUBMISSIONS, Submission, Variant, load
from leaderboard.submission.weights import weights_folder

DECISIVE = ("code", "packages", "device", "threads", "crafting", "sandboxed")
"""Parts of the environment that make another run of the same request."""

UNSANDBOXED = "evaluated without the sandbox"

Progress = Callable[[int, int], None]
"""Called with the shards done and their number."""

Results = Callable[[Sequence[Shard]], Iterator[ShardResult]]
"""Runs shards; gives what they came to in no fixed order."""


@dataclass(frozen=True)
class Request:
    """What a caller wants evaluated.

    `reasons` say why the run is unofficial, besides a limit; `limit` keeps the first pictures of
    the sample; `fresh` begins anew although the same run is stored; `precision` and `sandboxed` as
    in `Job`. A run without the sandbox is unofficial.
    """

    submission: Submission
    variant: Variant
    protocol: AnyProtocol
    beside: tuple[Path, ...] = ()
    reasons: tuple[str, ...] = ()
    device: str = "auto"
    precision: str = "auto"
    limit: int | None = None
    fresh: bool = False
    sandboxed: bool = True


class Prepared(NamedTuple):
    """A run that could begin: its header, and all of its shards."""

    header: RunHeader
    shards: tuple[Shard, ...]


class UnadmittedError(SqueezebenchError):
    """A submission that could not even be asked which cells it admits; `header` has none."""

    def __init__(self, header: RunHeader, problem: SqueezebenchError) -> None:
        """The same sentence and status as `problem`."""
        super().__init__(str(problem))
        self.header, self.status = header, problem.status


def prepare(request: Request, engine: Engine) -> Prepared:
    """Open the job in every worker and ask the submission what it admits."""
    check_kind(request)
    opened = engine.open(job_of(request))
    _same_code(opened)
    images = opened.images if request.limit is None else min(opened.images, request.limit)
    header = _header(request, opened, images, engine.threads)
    try:
        header = replace(header, cells=engine.admit())
    except CallError:
        raise
    except SqueezebenchError as problem:
        raise UnadmittedError(header, problem) from problem
    return Prepared(header, plan(request.protocol, images))


def _same_code(opened: Opened) -> None:
    """Refuse workers on machines with another checkout or other packages than this one's."""
    if opened.code != environment.code_hash() or opened.packages != environment.packages():
        raise EngineError(
            "the workers have other code or packages than this machine; give every machine the "
            "same checkout and environment"
        )


def evaluate(request: Request, store: Store, engine: Engine, progress: Progress) -> Run:
    """The completed run. A run with the same key that was broken off goes on where it was."""
    try:
        prepared = prepare(request, engine)
    except UnadmittedError as problem:
        # No later run may go on from this one: it has no cells.
        key = f"{problem.header.key}-failed"
        store.note(store.begin(replace(problem.header, key=key)), problem.status, str(problem))
        raise
    return record(prepared, engine.run, store, progress, fresh=request.fresh)


def record(
    prepared: Prepared, results: Results, store: Store, progress: Progress, *, fresh: bool = False
) -> Run:
    """The completed run, with what `results` gives for the shards that are not stored yet."""
    header, shards = prepared
    known = None if fresh else store.find(header.key)
    if known is not None and known.status == COMPLETED:
        return store.run(known.id)
    run_id = known.id if known is not None else store.begin(header)
    done = store.done(run_id)
    left = [shard for shard in shards if shard not in done]
    try:
        progress(len(shards) - len(left), len(shards))
        for count, result in enumerate(results(left), start=len(shards) - len(left) + 1):
            store.add(run_id, result)
            progress(count, len(shards))
    except KeyboardInterrupt:
        store.note(run_id, INTERRUPTED, "by the user")
        raise
    except SqueezebenchError as problem:
        store.note(run_id, problem.status, str(problem))
        raise
    store.note(run_id, COMPLETED)
    return store.run(run_id)


def check_kind(request: Request) -> None:
    """Refuse to judge by its bytes what writes none."""
    manifest, protocol = request.submission.manifest, request.protocol
    if isinstance(protocol, CodecProtocol) and manifest.defense.kind != "codec":
        raise CallError(
            f"{manifest.name} is a {manifest.defense.kind}, but protocol {protocol.name} is of the "
            "codec track, which judges bytes; expected a submission of kind codec (a purifier can "
            "stand before one: see submissions/preprocessed)"
        )


def sources_of(protocol: AnyProtocol) -> tuple[SourceJob, ...]:
    """The bundled codecs that a protocol's transfer cells are crafted on."""
    entries = protocol.sources if isinstance(protocol, CodecProtocol) else ()
    return tuple(_source_of(*entry.split("/")) for entry in entries)


def _source_of(name: str, variant: str) -> SourceJob:
    found = load(SUBMISSIONS / name)
    chosen, table = found.variant(variant), found.manifest.defense
    identity = f"{found.hash}:{json.dumps(dict(chosen.parameters), sort_keys=True)}"
    return SourceJob(
        entry=f"{name}/{variant}",
        source=str(found.source.resolve()),
        class_name=found.class_name,
        kind=table.kind,
        gradient=table.gradient,
        randomized=table.randomized,
        parameters=dict(chosen.parameters),
        identity=hashlib.sha256(identity.encode()).hexdigest(),
    )


def job_of(request: Request) -> Job:
    """What workers are told of the request."""
    submission = request.submission
    asked, weights = submission.manifest, weights_folder(submission)
    return Job(
        entry=f"{submission.manifest.name}/{request.variant.id}",
        sources=sources_of(request.protocol),
        protocol=request.protocol.model_dump(mode="json", by_alias=True),
        beside=tuple(str(folder.resolve()) for folder in request.beside),
        source=str(submission.source.resolve()),
        class_name=submission.class_name,
        kind=submission.manifest.defense.kind,
        gradient=submission.manifest.defense.gradient,
        randomized=submission.manifest.defense.randomized,
        parameters=dict(request.variant.parameters),
        device=request.device,
        precision=request.precision,
        weights=str(weights) if weights else None,
        sandboxed=request.sandboxed,
        limits=asked.limits.model_dump() if "limits" in asked.model_fields_set else None,
    )


def _header(request: Request, opened: Opened, images: int, threads: int) -> RunHeader:
    manifest, protocol = request.submission.manifest, request.protocol
    described = environment.describe(opened.device, threads) | {
        "crafting": opened.crafting,
        "sandboxed": request.sandboxed,
    }
    reasons = list(request.reasons)
    if not request.sandboxed:
        reasons.append(UNSANDBOXED)
    if manifest.training.uses_test_data:
        reasons.append("trained on test data")
    if images < opened.images:
        reasons.append(f"limited to {images} of {opened.images} images")
    decisive = [
        request.submission.hash,
        request.variant.id,
        protocol.hash,
        opened.fingerprint,
        [record.identity for record in opened.classifiers],
        images,
        [described[name] for name in DECISIVE],
    ]
    if sources := sources_of(protocol):
        decisive.append([source.identity for source in sources])
    return RunHeader(
        key=hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest(),
        submission=manifest.name,
        variant=request.variant.id,
        title=manifest.title,
        kind=manifest.defense.kind,
        parameters=dict(request.variant.parameters),
        submission_hash=request.submission.hash,
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        protocol_content=protocol.model_dump(mode="json", by_alias=True),
        dataset=opened.dataset,
        dataset_fingerprint=opened.fingerprint,
        images=images,
        unofficial_reason="; ".join(reasons) or None,
        classifiers=opened.classifiers,
        cells=(CLEAN_CELL,),
        environment=described,
        track=protocol.track,
    )
