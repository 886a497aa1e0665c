"""The digests of many runs, from a cache beside the site where a run is as it was."""

import gc
import hashlib
import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from benchmark.environment import code_hash
from benchmark.records import Run
from benchmark.threat import ThreatModel
from leaderboard.render.codec_digest import CodecDigest, codec_digest_of
from leaderboard.render.digest import Digest, digest_of
from leaderboard.render.source import with_results

CODE = tuple(
    Path(__file__).parent / name
    for name in ("digest.py", "codec_digest.py", "scenes.py", "source.py")
)
POOL = 40
"""From so many runs on, starting processes pays."""
BUNCH = 8

Job = tuple[Path, Run, ThreatModel]
AnyDigest = Digest | CodecDigest
ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "classifier": TypeAdapter(Digest),
    "codec": TypeAdapter(CodecDigest),
}


@lru_cache(maxsize=1)
def code_key() -> str:
    """A hash of the sources that a digest depends on."""
    digest = hashlib.sha256(code_hash().encode())
    for path in CODE:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def digests(
    database: Path, runs: Sequence[tuple[Run, ThreatModel]], keys: dict[int, str], cache: Path
) -> dict[int, AnyDigest]:
    """Of each run its digest. `keys` are the identities of the runs; the cache holds no others."""
    names = {run.id: _name(keys[run.id]) for run, _ in runs}
    found = {run.id: one for run, _ in runs if (one := _kept(cache / names[run.id], run))}
    jobs = [(database, run, threat) for run, threat in runs if run.id not in found]
    cache.mkdir(parents=True, exist_ok=True)
    for (_, run, _), content in zip(jobs, _made(jobs), strict=True):
        (cache / names[run.id]).write_bytes(content)
        found[run.id] = ADAPTERS[run.header.track].validate_json(content)
    for path in cache.iterdir():
        if path.name not in names.values():
            path.unlink()
    return found


def _name(key: str) -> str:
    return hashlib.sha256(f"{key}:{code_key()}".encode()).hexdigest()[:32] + ".json"


def _kept(path: Path, run: Run) -> AnyDigest | None:
    try:
        found: AnyDigest = ADAPTERS[run.header.track].validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return found


def _made(jobs: Sequence[Job]) -> Iterable[bytes]:
    if len(jobs) < POOL:
        yield from map(_make, jobs)
        return
    context = multiprocessing.get_context("fork")
    # A run is tens of thousands of small objects and no cycles: looking for some costs a tenth.
    with ProcessPoolExecutor(mp_context=context, initializer=gc.disable) as pool:
        yield from pool.map(_make, jobs, chunksize=BUNCH)


def _make(job: Job) -> bytes:
    """As bytes, so that what is fresh and what was kept are read alike."""
    database, run, threat = job
    whole = with_results(database, run)
    made: AnyDigest = (
        codec_digest_of(whole, threat) if run.header.track == "codec" else digest_of(whole, threat)
    )
    return ADAPTERS[run.header.track].dump_json(made)
