"""The parts of a run into the store, by the one process that writes there."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.errors import DataError
from benchmark.records import Run, Shard, ShardResult
from leaderboard.cluster.parts import Part, figures, read_all
from leaderboard.cluster.planned import Plan, differences
from leaderboard.evaluation import Prepared, Progress, record
from leaderboard.store import Store


def merge(plan: Plan, folders: Sequence[Path], store: Store, progress: Progress) -> Run:
    """The completed run, whose shards lie in `folders`; nothing is stored unless all is right.

    Refused are parts of another run (another commit, protocol, device), shards that the plan does
    not have, two results of a shard that differ, and gaps.
    """
    found = gathered(plan, folders)
    if missing := [shard for shard in plan.shards if shard not in found]:
        first = missing[0]
        raise DataError(
            f"{len(missing)} of {len(plan.shards)} shards are missing, first "
            f"{_named(first)}; call `squeezebench run-shard` of their parts again, which runs only "
            "what is missing"
        )
    known = store.find(plan.header.key)
    for result in store.run(known.id).results if known is not None else ():
        _same(result, found[result.shard], store.url)

    def results(left: Sequence[Shard]) -> Iterator[ShardResult]:
        return (found[shard] for shard in left)

    return record(Prepared(plan.header, plan.shards), results, store, progress)


def gathered(plan: Plan, folders: Sequence[Path]) -> dict[Shard, ShardResult]:
    """The results that lie in `folders`, each shard's once."""
    found: dict[Shard, ShardResult] = {}
    for path, part in read_all(folders):
        _of_plan(plan, part, path)
        shard = part.result.shard
        if shard in found:
            _same(found[shard], part.result, path)
        found[shard] = part.result
    return found


def _of_plan(plan: Plan, part: Part, path: Path) -> None:
    if odd := differences(plan.header, part.header):
        raise DataError(f"{path} is of another run than the plan's: {'; '.join(odd)}; take it out")
    if part.result.shard not in plan.shards:
        raise DataError(f"{path} holds {_named(part.result.shard)}, which the plan does not have")


def _same(one: ShardResult, other: ShardResult, source: object) -> None:
    if figures(one) != figures(other):
        raise DataError(
            f"{source} holds another result of {_named(one.shard)} than one that was there before; "
            "the machines do not compute alike: find out which is right before you merge"
        )


def _named(shard: Shard) -> str:
    before = f" before {shard.classifier}" if shard.classifier else ""
    return f"pictures {shard.start} to {shard.stop}{before}"
