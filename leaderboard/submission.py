"""Submissions: a folder with `submission.toml` and `defense.py`, refused early and clearly."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from benchmark.errors import SubmissionError, UnknownNameError
from benchmark.tables import Table, read_table

MANIFEST = "submission.toml"
NAME = "^[a-z0-9][a-z0-9.-]{0,63}$"
HTTPS = r"^https://[^\s\"'<>]+$"


class DefenseTable(Table):
    """What the plugin is: `entry` is `file:Class`, `gradient` what autograd finds through it.

    A `classifier` stands in the place of the protocol's, the other kinds before it.
    `exact`: forward is differentiable; `surrogate`: the class declares one; `none`: neither.
    `randomized` says that two calls on the same images may differ, as the class must say too.
    """

    kind: Literal["codec", "purifier", "classifier"]
    entry: str = Field(pattern=r"^[a-z_]+:[A-Za-z_]\w*$")
    gradient: Literal["exact", "surrogate", "none"]
    randomized: bool = False


class Variant(Table):
    """A rate point or setting: keyword arguments of the plugin's class."""

    id: str = Field(pattern=NAME)
    parameters: dict[str, str | int | float | bool] = Field(default_factory=dict)


class Note(Table):
    """A sentence shown on the entry's page."""

    text: str = Field(max_length=500)


class Manifest(Table):
    """The content of `submission.toml`."""

    schema_version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=NAME)
    version: str = Field(max_length=40)
    title: str = Field(min_length=1, max_length=80)
    authors: tuple[str, ...] = Field(min_length=1)
    contact: str | None = None
    license: str
    paper: str | None = Field(default=None, pattern=HTTPS)
    url: str | None = Field(default=None, pattern=HTTPS)
    defense: DefenseTable
    variants: tuple[Variant, ...] = Field(alias="variant", min_length=1)
    notes: tuple[Note, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        ids = [variant.id for variant in self.variants]
        if len(set(ids)) != len(ids):
            raise ValueError(f"two variants have the same id: {', '.join(ids)}")
        return self


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
        near = sorted(p.name for p in path.parent.glob("*/") if (p / MANIFEST).exists())
        if near:
            raise UnknownNameError(f"submission in {path.parent}", path.name, near)
        raise SubmissionError(f"{path} is no folder; expected one with {MANIFEST} and defense.py")
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
        if file.is_file() and "__pycache__" not in file.parts:
            content = file.read_bytes()
            digest.update(f"{file.relative_to(path).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
