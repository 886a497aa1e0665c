"""What may happen to a run: each fault as a function, and how everything is put right again.

Clocks, limits and files are those of this process and of its own worker: nothing else on the
machine is touched.
"""

import os
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest import mock

from benchmark.places import cache_folder
from leaderboard.bench.postgres import CRASH, Server
from leaderboard.engine.local import LocalEngine
from leaderboard.store import store
from leaderboard.store.database import Database

REFUSAL = "SELECT RAISE(ABORT, 'gone')"
LOCKED_S = 1.5


@dataclass
class Stage:
    """What a fault may reach: the database and the engine's worker.

    `database` is an SQLite file, or the URL of a database of `server`, which a fault takes away for
    `gone_s` seconds. `passing` are faults that end by themselves.
    """

    database: str
    engine: LocalEngine
    server: Server | None = None
    gone_s: float = 2
    passing: list[threading.Thread] = field(default_factory=list)

    def passes(self, fault: Callable[[], None]) -> None:
        """Let it go on beside the run."""
        self.passing.append(threading.Thread(target=fault))
        self.passing[-1].start()

    @property
    def worker(self) -> int:
        """The process of the worker."""
        return self.engine.processes()[0]


def kill_worker(stage: Stage) -> None:
    """As the system does that is short of memory."""
    os.kill(stage.worker, signal.SIGKILL)


def little_memory(stage: Stage) -> None:
    """The worker may take no more memory than it has; what it has may be enough."""
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _, hard = resource.prlimit(stage.worker, limit)
        resource.prlimit(stage.worker, limit, (1, hard))


def full_disk(_stage: Stage) -> None:
    """No file of this process may grow; the next attempt finds room again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))


def locked_database(stage: Stage) -> None:
    """Somebody else writes for a while."""
    held = threading.Event()

    def hold() -> None:
        if stage.server is None:
            with closing(sqlite3.connect(stage.database, timeout=30)) as other:
                other.execute("BEGIN IMMEDIATE")
                held.set()
                time.sleep(LOCKED_S)
            return
        with Database(stage.database).transaction() as connection:
            connection.exec_driver_sql("LOCK TABLE shards")
            held.set()
            time.sleep(LOCKED_S)

    stage.passes(hold)
    held.wait(LOCKED_S)


def lost_database(stage: Stage) -> None:
    """A server loses its power, and is started again; a file refuses all until the next attempt."""
    if stage.server is None:
        with closing(sqlite3.connect(stage.database)) as other:
            other.execute(f"CREATE TRIGGER gone BEFORE INSERT ON shards BEGIN {REFUSAL}; END")
            other.commit()
        return
    server = stage.server
    server.stop(CRASH)

    def come_back() -> None:
        time.sleep(stage.gone_s)
        server.start()

    stage.passes(come_back)


def clock_jump(_: Stage) -> None:
    """The machine's clock is set back ten years."""
    past = datetime(2016, 1, 1, tzinfo=UTC).isoformat(timespec="seconds")
    mock.patch.object(store, "_now", return_value=past).start()


def corrupted_cache(_: Stage) -> None:
    """One byte in every cached transfer example is another, and one file ends early."""
    for path in cache_folder("transfer").glob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 255
        path.write_bytes(content)
    for path in list(cache_folder("transfer").glob("*.safetensors"))[:1]:
        path.write_bytes(path.read_bytes()[:-5])


def interrupt(_: Stage) -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def interrupt_twice(_: Stage) -> None:
    """Ctrl-C, and again while the first is being answered."""
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    signal.raise_signal(signal.SIGINT)


FAULTS: Mapping[str, Callable[[Stage], None]] = {
    fault.__name__.replace("_", "-"): fault
    for fault in (
        *(kill_worker, little_memory, full_disk, locked_database, lost_database),
        *(clock_jump, corrupted_cache, interrupt, interrupt_twice),
    )
}


@contextmanager
def mended(stage: Stage) -> Iterator[None]:
    """Whatever a fault changed is put right afterwards, as a person would."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        mock.patch.stopall()
        for fault in stage.passing:
            fault.join()
        if stage.server is None:
            with closing(sqlite3.connect(stage.database, timeout=30)) as other:
                other.execute("DROP TRIGGER IF EXISTS gone")
                other.commit()
