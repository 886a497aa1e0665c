"""The folder of the site: whole or not at all, and only what changed is made anew."""

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.errors import CallError, StoreError

MARKER = ".squeezebench-site"
MANY = 200


@dataclass
class Writer:
    """Files of a site that is being made in `partial`, beside the `old` one.

    `keys` are hashes of what each file was made from; `whole` is that of everything.
    """

    old: Path
    partial: Path
    whole: str
    known: Mapping[str, str]
    keys: dict[str, str] = field(default_factory=dict)
    pending: list[tuple[Path, Callable[[], bytes]]] = field(default_factory=list)

    def file(self, path: str, source: object, make: Callable[[], bytes]) -> None:
        """The file at `path`: what `make` gives, or the old one if `source` is what it was."""
        key = hashlib.sha256(repr(source).encode()).hexdigest()[:24]
        target = self.partial / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self.keys[path] = key
        if self.known.get(path) == key and (self.old / path).is_file():
            _link(self.old / path, target)
            return
        self.pending.append((target, make))

    def finish(self) -> None:
        """Make what is new; note what was made, and of what size, for the next rendering."""
        _make_all(self.pending)
        sizes = {path: (self.partial / path).stat().st_size for path in self.keys}
        content = {
            "note": "squeezebench render may replace this folder",
            "whole": self.whole,
            "files": {path: [self.keys[path], sizes[path]] for path in sorted(self.keys)},
        }
        (self.partial / MARKER).write_text(json.dumps(content, indent=0, sort_keys=True) + "\n")


def _make_all(pending: list[tuple[Path, Callable[[], bytes]]]) -> None:
    """Many files are made by a copy of this process a core, which has all that they are made of."""
    shares = len(os.sched_getaffinity(0)) if len(pending) >= MANY else 1
    if shares == 1:
        _make(pending)
        return
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_make, args=(pending[i::shares],)) for i in range(shares)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise StoreError("a page could not be made; the reason stands above")


def _make(pending: list[tuple[Path, Callable[[], bytes]]]) -> None:
    for target, make in pending:
        target.write_bytes(make())


def _link(old: Path, target: Path) -> None:
    try:
        os.link(old, target)
    except OSError:
        shutil.copyfile(old, target)


def is_current(folder: Path, whole: str) -> bool:
    """Whether the site in `folder` was made from exactly this and every file is still there."""
    marker = _marker(folder)
    if marker.get("whole") != whole:
        return False
    files: dict[str, tuple[str, int]] = marker["files"]
    try:
        return all((folder / path).stat().st_size == size for path, (_, size) in files.items())
    except OSError:
        return False


def refuse_strangers(folder: Path) -> None:
    """Raise if `folder` holds something that squeezebench did not make."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise CallError(f"{folder} is no folder; choose another --out")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise CallError(
            f"{folder} is not empty and no site that squeezebench made; choose another --out"
        )


@contextmanager
def writing(folder: Path, whole: str) -> Iterator[Writer]:
    """A writer whose files replace the site in `folder` if nothing fails."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    files: Mapping[str, tuple[str, int]] = _marker(folder).get("files", {})
    writer = Writer(folder, partial, whole, {path: key for path, (key, _) in files.items()})
    try:
        partial.mkdir(parents=True)
        yield writer
        writer.finish()
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _marker(folder: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((folder / MARKER).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
