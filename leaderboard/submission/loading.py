"""A submission's folder read from disk."""

import hashlib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from benchmark.errors import SubmissionError, UnknownNameError
from benchmark.tables import read_table
from leaderboard.submission.folder import NOT_PART, irregular
from leaderboard.submission.manifest import MANIFEST, Manifest, Variant

SUBMISSIONS = Path(__file__).parents[2] / "submissions"
"""The folder of those that come with the project."""


@dataclass(frozen=True)
class Submission:
    """A checked submission folder. `hash` covers every file of the folder."""

    path: Path
    manifest: Manifest
    hash: str

    @property
    def source(self) -> Path:
        """The Python file that the manifest's entry names."""
        return self.path / (self.manifest.defense.entry.split(":")[0] + ".py")

    @property
    def class_name(self) -> str:
        """The class that the manifest's entry names."""
        return self.manifest.defense.entry.split(":")[1]

    def variant(self, name: str) -> Variant:
        """The variant called `name`."""
        known = {variant.id: variant for variant in self.manifest.variants}
        if name not in known:
            raise UnknownNameError(f"variant of {self.manifest.name}", name, known)
        return known[name]


def load(path: Path) -> Submission:
    """The submission in the folder `path`."""
    if not path.is_dir():
        known = [p.name for p in path.parent.glob("*/") if (p / MANIFEST).exists()]
        near = get_close_matches(path.name, known, n=1)
        remedy = f"did you mean {path.with_name(near[0])}?" if near else "expected one with "
        remedy += "" if near else f"{MANIFEST} and defense.py"
        raise SubmissionError(f"{path} is no folder; {remedy}")
    if strange := irregular(path):
        raise SubmissionError(f"{strange[0].path} {strange[0].says}")
    manifest = read_table(path / MANIFEST, Manifest, SubmissionError)
    if manifest.name != path.resolve().name:
        raise SubmissionError(
            f"{path / MANIFEST}: name is {manifest.name!r}, but the folder is "
            f"{path.resolve().name!r}; they must be the same"
        )
    submission = Submission(path, manifest, _hash(path))
    if not submission.source.exists():
        raise SubmissionError(
            f"{submission.source} is missing; entry {manifest.defense.entry!r} names it"
        )
    return submission


def _hash(path: Path) -> str:
    """sha256 over names and contents of the folder's files, Python's caches left out."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file() and NOT_PART.isdisjoint(file.relative_to(path).parts):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(path).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
