"""The Ray engine: worker processes on the machines of a Ray cluster, or of one made here.

What travels is bytes of JSON, both ways, and no object of a submission is ever pickled: an actor
holds nothing but the pipes to a worker process, the same that the local engine starts. A worker
that dies, with its machine or alone, is replaced and its shard run again; a shard that takes much
longer than the others is run a second time where a worker is free, and the first result counts,
for both are the same bytes.
"""

import json
import statistics
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from benchmark.errors import EngineError
from benchmark.records import Cell, Shard, ShardResult
from leaderboard.engine.foreman import Foreman, LostError, library
from leaderboard.engine.process import agreed, answer_of, request_of
from leaderboard.engine.wire import Job, Opened, cells_from, opened_from, result_from

TRIES = 3
"""Times that a shard is begun before workers that die of it end the run."""
STRAGGLING = 3.0
"""Times the median of the finished shards after which one is begun a second time."""
GLANCE_S = 0.5
START_S = 600
PLACING_S = 30


@dataclass(frozen=True)
class Errand:
    """A shard that a worker has been given."""

    worker: Any
    shard: Shard
    started: float


class RayEngine:
    """`workers` processes of `threads` threads. Use as a context; it ends its workers.

    With `per_gpu` they are placed on GPUs, so many on each; with 0 where there are processors.
    `address` is that of a running cluster; without one, a cluster is made on this machine. All of
    its machines need this project, the submission and the data under the same paths.
    """

    def __init__(
        self, workers: int, threads: int, *, address: str | None = None, per_gpu: int = 0
    ) -> None:
        """Join the cluster and start the workers."""
        self.threads = threads
        self._ray = library()
        self._count, self._per_gpu = workers, per_gpu
        self._needs = {"CPU": threads, "GPU": 1 / per_gpu if per_gpu else 0}
        here = {"num_cpus": workers * threads, "include_dashboard": False}
        joined = {"address": address} if address else here
        try:
            self._ray.init(log_to_driver=False, logging_level="ERROR", **joined)
        except (ConnectionError, ValueError, RuntimeError) as problem:
            said = " ".join(str(problem).split())[:300]
            raise EngineError(
                f"Ray at {address or 'this machine'} cannot be used: {said}"
            ) from None
        self._workers: list[Any] = []
        self._job: Job | None = None
        self._said: dict[str, dict[str, Any]] = {}
        try:
            self._fill()
        except EngineError:
            self._ray.shutdown()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in list(self._workers):
            self._retire(worker)
        self._ray.shutdown()

    def ask(self, operation: str, content: dict[str, Any]) -> dict[str, Any]:
        """The reply of the first worker."""
        return self._replies(operation, content, self._workers[:1])[0]

    def open(self, job: Job) -> Opened:
        """Make every worker ready for `job`, but for its defense, which `admit` makes."""
        self._job = job
        self._fill()
        return opened_from(dict(self._agreed("open", asdict(job))))

    def admit(self) -> tuple[Cell, ...]:
        """Make the open job's defense in every worker; the cells that it admits."""
        return cells_from(json.loads(json.dumps(self._agreed("admit", {}))))

    def run(self, shards: Sequence[Shard]) -> Iterator[ShardResult]:
        """Results as they come, in no fixed order."""
        waiting, free = deque(shards), list(self._workers)
        tries: Counter[Shard] = Counter()
        busy: dict[Any, Errand] = {}
        took: list[float] = []
        missing = set(shards)
        while missing:
            while free and (shard := self._next(waiting, busy, took)) is not None:
                worker = free.pop()
                busy[self._sent(worker, "shard", asdict(shard))] = Errand(
                    worker, shard, time.monotonic()
                )
            ready, _ = self._ray.wait(list(busy), num_returns=1, timeout=GLANCE_S)
            for reference in ready:
                errand = busy.pop(reference)
                try:
                    content = self._received(reference)
                except LostError as problem:
                    self._again(errand, problem, tries, waiting, missing)
                    free += self._replaced(errand.worker)
                    continue
                free.append(errand.worker)
                if errand.shard in missing:
                    missing.remove(errand.shard)
                    took.append(time.monotonic() - errand.started)
                    yield result_from(content)
        for errand in busy.values():  # the slower ones of two
            self._retire(errand.worker)

    def _next(
        self, waiting: deque[Shard], busy: dict[Any, Errand], took: list[float]
    ) -> Shard | None:
        """The shard to begin: one that waits, or one that straggles on a single worker."""
        if waiting:
            return waiting.popleft()
        begun = Counter(errand.shard for errand in busy.values())
        late = time.monotonic() - STRAGGLING * statistics.median(took) if took else 0.0
        slow = [e for e in busy.values() if e.started < late and begun[e.shard] == 1]
        return min(slow, key=lambda errand: errand.started).shard if slow else None

    def _again(
        self,
        errand: Errand,
        problem: LostError,
        tries: Counter[Shard],
        waiting: deque[Shard],
        missing: set[Shard],
    ) -> None:
        """Let the shard of a lost worker wait again, unless it has cost too many of them."""
        tries[errand.shard] += 1
        if tries[errand.shard] >= TRIES:
            raise EngineError(f"{problem}; {errand.shard} was begun {TRIES} times")
        if errand.shard in missing and errand.shard not in waiting:
            waiting.appendleft(errand.shard)

    def _replaced(self, lost: Any) -> list[Any]:
        """A worker in the place of one that is lost, with the same job open."""
        self._retire(lost)
        if self._room() < len(self._workers) + 1:
            if not self._workers:
                raise EngineError("the Ray cluster has no machine left that could run a worker")
            return []
        worker = self._begun()
        try:
            # A machine that has just gone may still be counted: nothing would ever be placed there.
            self._ray.get(worker.ready.remote(), timeout=PLACING_S)
        except self._ray.exceptions.RayError as problem:
            self._ray.kill(worker)
            if not self._workers:
                raise EngineError("the Ray cluster has no room left for a worker") from problem
            return []
        for operation, reply in self._said.items():
            content = asdict(self._job) if operation == "open" and self._job else {}
            (found,) = self._replies(operation, content, [worker])
            agreed(operation, [reply, found])
        self._workers.append(worker)
        return [worker]

    def _fill(self) -> None:
        """Start the workers that lack."""
        if self._room() < self._count:
            raise EngineError(
                f"{self._count} workers with {self._needs} each were asked for, but the Ray "
                f"cluster has {self._resources()}; ask for fewer, or add machines"
            )
        while len(self._workers) < self._count:
            self._workers.append(self._begun())

    def _room(self) -> int:
        """How many workers the cluster could hold if it did nothing else."""
        found = self._resources()
        return min(int(found[name] // each) for name, each in self._needs.items() if each)

    def _resources(self) -> dict[str, float]:
        whole = self._ray.cluster_resources()
        return {name: float(whole.get(name, 0)) for name in self._needs}

    def _begun(self) -> Any:
        made = self._ray.remote(Foreman).options(
            num_cpus=self._needs["CPU"],
            num_gpus=self._needs["GPU"],
            scheduling_strategy="SPREAD",
            max_concurrency=2,  # so that `stop` is heard during a shard
        )
        return made.remote(self.threads, max(1, self._per_gpu))

    def _retire(self, worker: Any) -> None:
        """End a worker, dead or alive."""
        self._workers.remove(worker)
        try:
            self._ray.get(worker.stop.remote(), timeout=GLANCE_S)
        except (self._ray.exceptions.RayError, TimeoutError):
            pass
        finally:
            self._ray.kill(worker)

    def _agreed(self, operation: str, content: dict[str, Any]) -> dict[str, Any]:
        """The one reply of all workers, kept for those that replace one."""
        if operation == "open":
            self._said.clear()
        self._said[operation] = agreed(operation, self._replies(operation, content, self._workers))
        return self._said[operation]

    def _replies(
        self, operation: str, content: dict[str, Any], workers: Sequence[Any]
    ) -> list[dict[str, Any]]:
        sent = [self._sent(worker, operation, content) for worker in workers]
        return [self._received(reference, START_S) for reference in sent]

    def _sent(self, worker: Any, operation: str, content: dict[str, Any]) -> Any:
        return worker.ask.remote(request_of(operation, content).encode())

    def _received(self, reference: Any, timeout: float | None = None) -> dict[str, Any]:
        try:
            reply: bytes = self._ray.get(reference, timeout=timeout)
        except self._ray.exceptions.GetTimeoutError:
            raise EngineError(f"a worker of the Ray cluster gave no reply in {timeout} s") from None
        except self._ray.exceptions.RayError as problem:
            said = " ".join(str(problem).split())[:300]
            raise LostError(f"a worker of the Ray cluster is lost: {said}") from None
        if reply.startswith(b"\0"):
            raise LostError(reply[1:].decode())
        return answer_of(reply.decode())
