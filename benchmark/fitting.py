"""How many pictures a device takes at once: found where its memory runs out, and remembered."""

import gc
import json
import os
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import TypeVar

import torch

from benchmark.device_share import VARIABLE, device_share
from benchmark.errors import EngineError

T = TypeVar("T")

FULL = ("CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED")
"""What CUDA's libraries say when they get no memory for themselves."""


def device_is_full(problem: BaseException) -> bool:
    """Whether an accelerator had no memory left; that the system has none is another matter."""
    if isinstance(problem, torch.OutOfMemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(sign in str(problem) for sign in FULL)


def bisected(fits: Callable[[int], bool], too_many: int) -> int:
    """The largest number below `too_many` that fits, 0 if none does; `too_many` does not fit."""
    low, high = 0, too_many
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


class Fitting:
    """Divides work on images into parts as large as the device takes.

    What fits is found when memory first runs out, and kept in `file` under `names` and what is
    done: it saves the next run the search, and may be lost. `full` tells that memory ran out;
    `refused` names the work each time that it did.
    """

    def __init__(
        self,
        file: Path | None = None,
        names: Sequence[object] = (),
        full: Callable[[BaseException], bool] = device_is_full,
    ) -> None:
        """Without a file nothing outlives this object."""
        self._file, self._names, self._full = file, tuple(map(str, names)), full
        self._known = _read(file)
        self.refused: list[str] = []

    def before(self, name: str) -> "Fitting":
        """The same for what stands before the classifier of that name."""
        other = copy(self)
        other._names = (*self._names, name)
        return other

    def split(
        self,
        what: Sequence[object],
        n: int,
        most: int,
        work: Callable[[slice], T],
        trial: Callable[[slice], object],
    ) -> list[T]:
        """What `work` gives for each part of `n` images, of at most `most`; `what` names the work.

        `trial` is as much work as needs the same memory. Raises `EngineError` if not even one image
        fits.
        """
        name = "; ".join([*self._names, *map(str, what)])
        size, done = min(most, self._known.get(name, most)), 0
        parts: list[T] = []
        while done < n:
            part = slice(done, min(done + size, n))
            if made := self._tried(name, lambda: work(part)):  # noqa: B023 (called here)
                parts += made
                done = part.stop
                continue
            start = done
            size = bisected(
                lambda few: bool(self._tried(name, lambda: trial(slice(start, start + few)))),  # noqa: B023
                part.stop - start,
            )
            if size == 0:
                raise _too_small()
            self._remember(name, size)
        return parts

    def _tried(self, name: str, work: Callable[[], T]) -> list[T]:
        """What the work gives; nothing if memory ran out."""
        try:
            return [work()]
        except Exception as problem:
            if not self._full(problem):
                raise
        # Only now the frames are gone that held what had been computed.
        self.refused.append(name)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return []

    def _remember(self, name: str, size: int) -> None:
        """Keep it, beside what others have found meanwhile."""
        self._known |= _read(self._file) | self._known | {name: size}
        if self._file is None:
            return
        partial = self._file.with_suffix(f".{os.getpid()}.partial")
        try:
            partial.write_text(json.dumps(self._known, indent=1, sort_keys=True))
            partial.replace(self._file)
        except OSError:  # the next run searches again
            partial.unlink(missing_ok=True)


def in_parts(work: Callable[[slice], T], n: int) -> list[T]:
    """What `work` gives for `n` images: together, or in parts where a device has no room."""
    return Fitting().split((), n, n, work, work)


def _read(file: Path | None) -> dict[str, int]:
    """What the file says; nothing of one that is not there or not whole."""
    try:
        found = json.loads(file.read_text()) if file is not None else {}
    except (OSError, ValueError):
        return {}
    kept = found.items() if isinstance(found, dict) else ()
    return {name: size for name, size in kept if isinstance(size, int) and size > 0}


def _too_small() -> EngineError:
    problem = EngineError(
        "one picture alone does not fit into the device's memory; end what else runs there, or "
        f"raise {VARIABLE} (now {device_share():g})"
    )
    problem.status = "out-of-memory"
    return problem
