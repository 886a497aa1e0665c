"""What can be said of a submission without running it."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import SqueezebenchError
from benchmark.tables import Complaint, parsed
from leaderboard.check.findings import Finding, Level, found
from leaderboard.submission.folder import misfits
from leaderboard.submission.manifest import MANIFEST, Manifest
from leaderboard.submission.text import skeleton

SUBMISSIONS = Path(__file__).parents[2] / "submissions"


def examine(folder: Path, others: Path = SUBMISSIONS) -> list[Finding]:
    """Folder, manifest and names. `others` is the folder of the submissions that there are."""
    said = list(_folder(folder))
    if (folder / MANIFEST).is_symlink():
        return said
    given = parsed(folder / MANIFEST, Manifest)
    if not isinstance(given, Manifest):
        return said + [_complaint(one) for one in given]
    wrong = [*_entry(folder, given), *_names(folder, given, others)]
    return [
        *said,
        *(wrong or [found(Level.OK, "manifest", "every key is as it must be")]),
        *_asks(given),
    ]


def _folder(folder: Path) -> Iterator[Finding]:
    wrong = misfits(folder)
    for one in wrong:
        yield found(Level.ERROR, "folder", one.says, one.path, one.line)
    if not wrong:
        yield found(Level.OK, "folder", "small files of the kinds that are allowed")


def _complaint(given: Complaint) -> Finding:
    return found(Level.ERROR, "manifest", given.says, MANIFEST, given.line)


def _entry(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    source = manifest.defense.entry.split(":")[0] + ".py"
    if not (folder / source).is_file():
        says = f"is missing; entry {manifest.defense.entry!r} names it"
        yield found(Level.ERROR, "manifest", says, source)


def _names(folder: Path, manifest: Manifest, others: Path) -> Iterator[Finding]:
    """Whether the submission calls itself something that another one is."""
    if manifest.name != folder.resolve().name:
        says = f"name is {manifest.name!r}, but the folder is {folder.resolve().name!r}"
        yield found(Level.ERROR, "manifest", f"{says}; they must be the same", MANIFEST)
    for path in sorted(others.glob(f"*/{MANIFEST}")):
        if path.parent.name == folder.resolve().name:
            continue
        try:
            other = parsed(path, Manifest)
        except SqueezebenchError:
            continue
        if not isinstance(other, Manifest):
            continue
        for what, mine, theirs in (
            ("name", manifest.name, other.name),
            ("title", manifest.title, other.title),
        ):
            if skeleton(mine) == skeleton(theirs):
                says = (
                    f"{what} {mine!r} reads like {theirs!r}, which {other.name} has; choose another"
                )
                yield found(Level.ERROR, "manifest", says, MANIFEST)


def _asks(manifest: Manifest) -> Iterator[Finding]:
    """What whoever evaluates it has to know."""
    if manifest.training.uses_test_data:
        yield found(
            Level.WARNING, "training", "made from test data: it will not be ranked", MANIFEST
        )
    for one in manifest.weights:
        says = f"{one.name}, {one.bytes / 2**20:.1f} MiB, will be fetched from {one.url}"
        yield found(Level.NOTE, "weights", says, MANIFEST)
    for variant, claim in manifest.claims.items():
        says = f"{variant}: {claim.model_dump_json(exclude_none=True)}; compared, never published"
        yield found(Level.NOTE, "claims", says, MANIFEST)
