"""One variant of a submission under one protocol: begun, or taken up where it was, and stored."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark import environment
from benchmark.errors import CallError, SqueezebenchError
from benchmark.plan import plan
from benchmark.protocol import CLEAN_CELL, Protocol
from benchmark.records import Run, RunHeader
from leaderboard.engine.local import LocalEngine
from leaderboard.engine.wire import Job, Opened
from leaderboard.store import Store
from leaderboard.store.store import COMPLETED, FAILED, INTERRUPTED
from leaderboard.submission import Submission, Variant

DECISIVE = ("code", "packages", "device", "threads", "crafting")
"""Parts of the environment that make another run of the same request."""

Progress = Callable[[int, int], None]
"""Called with the shards done and their number."""


@dataclass(frozen=True)
class Request:
    """What a caller wants evaluated.

    `reasons` say why the run is unofficial, besides a limit; `limit` keeps the first pictures of
    the sample; `fresh` begins anew although the same run is stored; `precision` as in `Job`.
    """

    submission: Submission
    variant: Variant
    protocol: Protocol
    beside: tuple[Path, ...] = ()
    reasons: tuple[str, ...] = ()
    device: str = "auto"
    precision: str = "auto"
    limit: int | None = None
    fresh: bool = False


def evaluate(request: Request, store: Store, engine: LocalEngine, progress: Progress) -> Run:
    """The completed run. A run with the same key that was broken off goes on where it was."""
    opened = engine.open(job_of(request))
    images = opened.images if request.limit is None else min(opened.images, request.limit)
    header = _header(request, opened, images, engine.threads)
    try:
        header = replace(header, cells=engine.admit())
    except CallError:
        raise
    except SqueezebenchError as problem:
        # No later run may go on from this one: it has no cells.
        store.note(store.begin(replace(header, key=f"{header.key}-failed")), FAILED, str(problem))
        raise
    known = None if request.fresh else store.find(header.key)
    if known is not None and known.status == COMPLETED:
        return store.run(known.id)
    run_id = known.id if known is not None else store.begin(header)
    done = store.done(run_id)
    shards = plan(request.protocol, images)
    left = [shard for shard in shards if shard not in done]
    try:
        progress(len(shards) - len(left), len(shards))
        for count, result in enumerate(engine.run(left), start=len(shards) - len(left) + 1):
            store.add(run_id, result)
            progress(count, len(shards))
    except KeyboardInterrupt:
        store.note(run_id, INTERRUPTED, "by the user")
        raise
    except SqueezebenchError as problem:
        store.note(run_id, FAILED, str(problem))
        raise
    store.note(run_id, COMPLETED)
    return store.run(run_id)


def job_of(request: Request) -> Job:
    """What workers are told of the request."""
    submission = request.submission
    return Job(
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
    )


def _header(request: Request, opened: Opened, images: int, threads: int) -> RunHeader:
    manifest, protocol = request.submission.manifest, request.protocol
    described = environment.describe(opened.device, threads) | {"crafting": opened.crafting}
    reasons = list(request.reasons)
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
    )
