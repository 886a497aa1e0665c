"""Results of shards as files, one each, checked when they are read."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmark.errors import DataError
from benchmark.plan import address
from benchmark.records import RunHeader, Shard, ShardResult
from leaderboard.cluster.planned import Plan, same_run
from leaderboard.engine import Engine
from leaderboard.engine.wire import result_from, result_to
from leaderboard.evaluation import Progress, prepare

SCHEMA = 1
HEADER = TypeAdapter(RunHeader)


@dataclass(frozen=True)
class Part:
    """The result of one shard, and the run that it belongs to."""

    header: RunHeader
    result: ShardResult


def run_part(
    plan: Plan, number: int, count: int, folder: Path, engine: Engine, progress: Progress
) -> int:
    """Run part `number` of `count` into `folder`; how many shards were left to run.

    A file that is there and whole is not made again, so a part that was broken off goes on.
    """
    shards = plan.part(number, count)
    folder.mkdir(parents=True, exist_ok=True)
    left = [shard for shard in shards if not _is_whole(place(plan.header, shard, folder))]
    if not left:
        return 0
    prepared = prepare(plan.request(), engine)
    same_run(plan, prepared)
    progress(len(shards) - len(left), len(shards))
    for done, result in enumerate(engine.run(left), start=len(shards) - len(left) + 1):
        write(prepared.header, result, place(plan.header, result.shard, folder))
        progress(done, len(shards))
    return len(left)


def place(header: RunHeader, shard: Shard, folder: Path) -> Path:
    """The file of a shard's result."""
    return folder / f"{address(header.key, shard)}.json"


def write(header: RunHeader, result: ShardResult, path: Path) -> None:
    """Write the result whole, or nothing."""
    given = result_to(result)
    content = {
        "schema": SCHEMA,
        "header": HEADER.dump_python(header, mode="json"),
        "result": given,
        "sha256": digest(given),
    }
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def digest(result: dict[str, Any]) -> str:
    """sha256 over all of a result as it is written."""
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()


def read(path: Path) -> Part:
    """The result in a file; refuses what is no such file, or damaged."""
    try:
        content = json.loads(path.read_bytes())
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']}, expected {SCHEMA}")
        altered = digest(content["result"]) != content["sha256"]
        part = Part(
            HEADER.validate_json(json.dumps(content["header"])), result_from(content["result"])
        )
    except (ValueError, KeyError, TypeError) as problem:
        said = str(problem).splitlines()[0]
        raise DataError(
            f"{path} is no whole result of a shard ({said}); delete it and run its part again"
        ) from problem
    if altered:
        raise DataError(f"{path} was altered: its sha256 differs; delete it and run its part again")
    return part


def read_all(folders: Sequence[Path]) -> Iterator[tuple[Path, Part]]:
    """Every result in the folders."""
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder} is no folder; give those that `run-shard -o` wrote into")
        for path in sorted(folder.glob("*.json")):
            yield path, read(path)


def figures(result: ShardResult) -> list[dict[str, Any]]:
    """What two results of the same shard must agree in: all outcomes but their time."""
    rows = [one._asdict() for one in result.outcomes]
    rows += [asdict(one) for one in result.codec_outcomes]
    return [{k: v for k, v in row.items() if not k.endswith("_seconds")} for row in rows]


def _is_whole(path: Path) -> bool:
    try:
        read(path)
    except (DataError, FileNotFoundError):
        return False
    return True
