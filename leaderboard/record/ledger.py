"""The published records: a folder of files and a ledger that only ever grows.

Each line of the ledger names a record by its sha256 and holds the sha256 of the line before, so a
record that was changed, removed or moved is noticed. A correction is a record more: its line says
which one it supersedes and why.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.errors import DataError
from leaderboard.record.files import RecordFiles, outcomes_path
from leaderboard.record.moving import read, write

RESULTS = Path(__file__).parents[1] / "results"
LEDGER = "ledger.jsonl"
FIRST = "0" * 64
"""What the first line has in the place of the line before."""


@dataclass(frozen=True)
class Entry:
    """A line of the ledger. `at` is when it was written, in UTC."""

    number: int
    file: str
    record: str
    at: str
    supersedes: str | None
    reason: str
    previous: str

    def line(self) -> str:
        """The line as the ledger holds it."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"


def entries(results: Path) -> list[Entry]:
    """The lines of the ledger, in order; a DataError says which one is not as it was written."""
    path = results / LEDGER
    if not path.is_file():
        return []
    found: list[Entry] = []
    previous = FIRST
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError) as problem:
            raise DataError(f"{path}, line {number}: is no line of a ledger: {problem}") from None
        if entry.number != number or entry.previous != previous or entry.line() != f"{line}\n":
            raise DataError(
                f"{path}, line {number}: does not follow the line before; the ledger is only ever "
                "added to, so take the published one back"
            )
        if entry.supersedes is not None and entry.supersedes not in {e.record for e in found}:
            raise DataError(f"{path}, line {number}: supersedes a record that is not there")
        previous = hashlib.sha256(entry.line().encode()).hexdigest()
        found.append(entry)
    return found


def verified(results: Path) -> list[tuple[Entry, RecordFiles]]:
    """Every record of the ledger with its files, each as it was when it was added."""
    listed = entries(results)
    found = []
    for entry in listed:
        files = read(results / entry.file)
        if files.sha256 != entry.record:
            raise DataError(
                f"{results / entry.file} was changed after it was added; records are never "
                "changed: take the published file back, and add a correction that supersedes it"
            )
        found.append((entry, files))
    expected = {LEDGER, "README.md", *(e.file for e in listed)}
    expected |= {outcomes_path(Path(e.file)).name for e in listed}
    if results.is_dir() and (strays := {p.name for p in results.iterdir()} - expected):
        raise DataError(f"{results}: {', '.join(sorted(strays))} is in no line of the ledger")
    return found


def append(
    results: Path, files: RecordFiles, name: str, at: str, *, supersedes: str | None, reason: str
) -> Entry:
    """Add a record under the next number; returns its line. One that is there stays as it is."""
    listed = entries(results)
    for entry in listed:
        if entry.record == files.sha256:
            return entry
    if supersedes is not None and supersedes not in {entry.record for entry in listed}:
        raise DataError(f"no published record has the sha256 {supersedes[:12]}…; see {LEDGER}")
    previous = hashlib.sha256(listed[-1].line().encode()).hexdigest() if listed else FIRST
    number = len(listed) + 1
    file = f"{number:05}-{name}.json"
    entry = Entry(number, file, files.sha256, at, supersedes, reason, previous)
    results.mkdir(parents=True, exist_ok=True)
    write(files, results / file)
    with (results / LEDGER).open("a", encoding="utf-8") as ledger:
        ledger.write(entry.line())
    return entry


def grown_from(before: str, results: Path) -> None:
    """Raise unless the ledger is the text `before` with lines added, or the same."""
    path = results / LEDGER
    now = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not now.startswith(before):
        raise DataError(f"{path} does not begin with the published ledger; lines are only added")
