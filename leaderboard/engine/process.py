"""A worker process and the two pipes to it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any

from benchmark.errors import CallError, EngineError, SqueezebenchError

LOG_TAIL = 600


class WorkerProcess:
    """One worker and its two pipes."""

    def __init__(
        self, threads: int, *, offline: bool, settings: Mapping[str, str] | None = None
    ) -> None:
        """Start the process; it imports torch while the driver goes on.

        `settings` are added to its environment.
        """
        self._log: IO[str] = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        own = dict(settings or {})
        own |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        own["OMP_WAIT_POLICY"] = "passive"  # spinning threads starve other workers
        if offline:
            own["HF_HUB_OFFLINE"] = "1"
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "leaderboard.sandbox.starting",
                "leaderboard.engine.worker",
                str(threads),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **own},
            start_new_session=True,
        )

    @property
    def number(self) -> int:
        """The process, as the system counts."""
        return self._process.pid

    def ask(self, operation: str, content: dict[str, Any]) -> dict[str, Any]:
        """The worker's reply; its error is raised here as the same sentence."""
        return answer_of(self.exchange(request_of(operation, content)))

    def exchange(self, request: str) -> str:
        """The reply to a request, each a line of JSON; `EngineError` if the worker dies of it."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise EngineError("a worker has no pipes; start it again")
        try:
            stdin.write(request + "\n")
            stdin.flush()
            line = stdout.readline()
        except (BrokenPipeError, ValueError):
            line = ""
        if not line:
            raise EngineError(self._epitaph(json.loads(request)["operation"]))
        return line

    def _epitaph(self, operation: str) -> str:
        code = self._process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        self._log.seek(0)
        said = " ".join(self._log.read()[-LOG_TAIL:].split())
        hint = "; signal 9 is often the system short of memory" if code == -9 else ""
        return f"a worker {how} during {operation!r}{hint}; its last words: {said or 'none'}"

    def stop(self) -> None:
        """End the process, in the middle of a shard if need be."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


def request_of(operation: str, content: dict[str, Any]) -> str:
    """What a worker is asked, as a line without its end."""
    return json.dumps({"operation": operation, "content": content})


def answer_of(line: str) -> dict[str, Any]:
    """What a worker's reply holds; its error is raised here as the same sentence."""
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        if reply["exit_code"] == 2:
            raise CallError(reply["error"])
        problem = SqueezebenchError(reply["error"])
        problem.status = reply.get("status", problem.status)
        raise problem
    answer: dict[str, Any] = reply["ok"]
    return answer


def agreed(operation: str, replies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one reply of all workers."""
    if any(reply != replies[0] for reply in replies):
        raise EngineError(
            f"two workers were asked the same ({operation}) and found different pictures, weights, "
            "code or gradients; something is changing the files, the machines differ, or the "
            "defense differs from process to process"
        )
    return replies[0]
