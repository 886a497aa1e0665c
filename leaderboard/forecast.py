"""What a run will cost, before it begins; and what it did cost, from its record."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.cost import Cost, Measured, shard_cost, share_spent
from benchmark.plan import divided
from benchmark.protocol import Protocol
from benchmark.records import Run, RunHeader, Shard
from leaderboard.engine import Engine
from leaderboard.engine.wire import measured_from
from leaderboard.evaluation import Prepared, Request, prepare
from leaderboard.store import Store
from leaderboard.store.spent import Spent, spent


@dataclass(frozen=True)
class Forecast:
    """The shards of a run with what each costs at most, and what is to be expected.

    Nothing is expected beyond the upper bound unless `earlier` runs of the protocol are stored.
    """

    header: RunHeader
    shards: tuple[Shard, ...]
    measured: Measured
    at_most: tuple[Cost, ...]
    expected: tuple[Cost, ...]
    earlier: int

    def of(self, classifier: str, costs: Sequence[Cost]) -> Cost:
        """The sum over the shards of one classifier."""
        pairs = zip(self.shards, costs, strict=True)
        return sum((cost for shard, cost in pairs if shard.classifier == classifier), Cost())

    def wall_seconds(self, workers: int) -> float:
        """From the first shard to the last on so many workers, if they do not slow each other."""
        seconds = [cost.seconds for cost in self.expected]
        return max(sum(seconds[i] for i in part) for part in divided(seconds, workers))


def forecast(request: Request, store: Store | None, engine: Engine) -> Forecast:
    """Probe the submission on this machine; `store` may hold earlier runs."""
    return of_prepared(request, prepare(request, engine), store, engine)


def of_prepared(
    request: Request, prepared: Prepared, store: Store | None, engine: Engine
) -> Forecast:
    """The same for a run that the engine has been made ready for."""
    header, shards = prepared
    protocol = request.protocol
    names = []
    if isinstance(protocol, Protocol):
        names = [spec.name for spec in protocol.classifiers]
    asked = {"classifiers": names, "batch": protocol.batch, "images": header.images}
    measured = measured_from(engine.ask("probe", asked))
    earlier, known = 0, Spent()
    if store is not None:
        with store.transaction() as connection:
            earlier, known = spent(connection, header.protocol_hash, header.submission)
    shares = share_spent(header.cells, measured, known)
    return Forecast(
        header,
        shards,
        measured,
        tuple(shard_cost(header.cells, shard, measured) for shard in shards),
        tuple(shard_cost(header.cells, shard, measured, shares) for shard in shards),
        earlier,
    )


@dataclass(frozen=True)
class Taken:
    """What a run took: seconds of its workers together, gradient steps, memory of the largest."""

    seconds: float
    gradient_steps: int
    memory_bytes: int
    device_bytes: int


def taken(run: Run) -> Taken:
    """What the record of the run says."""
    largest = {
        name: max((result.diagnostics.get(name, 0.0) for result in run.results), default=0.0)
        for name in ("memory_bytes_max", "device_bytes_max")
    }
    steps = [outcome.gradient_steps for outcome in run.outcomes]
    steps += [outcome.gradient_steps for outcome in run.codec_outcomes]
    return Taken(
        sum(result.seconds for result in run.results),
        sum(steps),
        int(largest["memory_bytes_max"]),
        int(largest["device_bytes_max"]),
    )
