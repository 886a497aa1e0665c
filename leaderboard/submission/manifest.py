"""The content of `submission.toml`, typed. The published JSON schema is made from these classes."""

import keyword
import math
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from benchmark.errors import UnknownNameError
from benchmark.protocol import built_in
from benchmark.tables import Table
from leaderboard.submission.text import (
    CONTACT,
    HTTPS,
    NAME,
    NAME_IN_WORDS,
    License,
    Line,
    Link,
    Sentence,
    Title,
    plain,
)

MANIFEST = "submission.toml"
GIB = 2**30
NEAR = 0.85
"""Likeness of two names from which one is a slip for the other."""
WEIGHT_FILE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.safetensors$"
ENTRY = r"^[a-z_]{1,40}:[A-Za-z_][A-Za-z0-9_]{0,60}$"
VERSION = "^[0-9A-Za-z][0-9A-Za-z.+-]{0,39}$"
SHA256 = "^[0-9a-f]{64}$"


def _share(given: float) -> float:
    if not 0 <= given <= 1:
        raise ValueError("expected a share of 1, from 0 to 1, as 0.25 for 25 %")
    return given


def _known_protocol(name: str) -> str:
    """One may claim under a protocol of one's own; what is nearly a built-in name is a slip."""
    if name not in built_in() and get_close_matches(name, built_in(), cutoff=NEAR):
        raise ValueError(str(UnknownNameError("protocol", name, built_in())))
    return name


def _known_variant(name: str, info: ValidationInfo) -> str:
    known = [variant.id for variant in info.data.get("variants", ())]
    if known and name not in known:  # none is known where the variants are wrong themselves
        raise PydanticCustomError(
            "whole_table",
            "[claims.{name}]: no such variant; known: {known}",
            {"name": name[:64], "known": ", ".join(known)},
        )
    return name


SHARE = Annotated[
    float, AfterValidator(_share), Field(json_schema_extra={"maximum": 1, "minimum": 0})
]
Plain = Annotated[str, Field(max_length=500), AfterValidator(plain)]
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]


class DefenseTable(Table):
    """What the plugin is: `entry` is `file:Class`, `gradient` what autograd finds through it.

    A `classifier` stands in the place of the protocol's, the other kinds before it.
    `exact`: forward is differentiable; `surrogate`: the class declares one; `none`: neither.
    `randomized` says that two calls on the same images may differ, as the class must say too.
    `learned` says that what compresses was trained; boards can show those alone.
    """

    kind: Literal["codec", "purifier", "classifier"]
    entry: str = Field(pattern=ENTRY)
    gradient: Literal["exact", "surrogate", "none"]
    randomized: bool = False
    learned: bool = False


class Variant(Table):
    """A rate point or setting: keyword arguments of the plugin's class."""

    id: str = Field(pattern=NAME)
    parameters: dict[str, Plain | Whole | float | bool] = Field(default_factory=dict, max_length=32)

    @field_validator("parameters")
    @classmethod
    def _arguments(cls, given: dict[str, str | int | float | bool]) -> dict[str, object]:
        for name, value in given.items():
            if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
                raise ValueError(f"{name!r} cannot be the name of a Python argument")
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{name} = {value} is no finite number")
        return dict(given)


class WeightFile(Table):
    """A file that the submission needs and that is too large for its folder.

    Fetched by the harness, checked, and laid where `benchmark.api.weights_file` finds it. `file` is
    its name there; the last part of `url` unless given.
    """

    url: Link
    sha256: str = Field(pattern=SHA256)
    bytes: int = Field(gt=0, le=8 * GIB)
    file: str | None = Field(default=None, pattern=WEIGHT_FILE)

    @property
    def name(self) -> str:
        """The name under which the submission asks for the file."""
        return self.file or PurePosixPath(urlsplit(self.url).path).name

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name.endswith(".safetensors"):
            raise ValueError(
                f"[[weights]] {self.name!r}: expected a .safetensors file (say file = "
                '"name.safetensors" if the address does not end in its name); other formats can '
                "carry code"
            )
        return self


class Training(Table):
    """What the submission was made from. Test data rules a submission out of every board."""

    datasets: tuple[Line, ...] = Field(default=(), max_length=20)
    uses_test_data: bool = False


class Limits(Table):
    """What the submission needs, where it is not what is usual.

    `memory_mb` is what one box may hold, `call_seconds` the longest call on one batch,
    `start_seconds` the longest start.
    """

    memory_mb: int = Field(default=16384, ge=512, le=65536)
    call_seconds: int = Field(default=900, ge=1, le=3600)
    start_seconds: int = Field(default=300, ge=1, le=3600)


class Claim(Table):
    """What the authors expect of one variant, to compare; never published as a score.

    Accuracies are shares of 1.
    """

    protocol: Annotated[str, Field(pattern=NAME), AfterValidator(_known_protocol)]
    classifier: Line | None = None
    clean_accuracy: SHARE | None = None
    robust_accuracy: SHARE | None = None
    bits_per_pixel: float | None = Field(default=None, ge=0, le=1000)


class Note(Table):
    """A sentence shown on the entry's page."""

    text: Sentence


class Manifest(Table):
    """The content of `submission.toml`."""

    patterns_in_words: ClassVar[Mapping[str, str]] = {
        NAME: NAME_IN_WORDS,
        VERSION: "letters, digits, dots, + and -, a letter or digit first, at most 40",
        CONTACT: "a mail address, @name, or an https address",
        HTTPS: "an https address in plain characters",
        ENTRY: "file:Class, a Python file of small letters without its ending and a class in it",
        SHA256: "64 hexadecimal digits in small letters",
        WEIGHT_FILE: "a name that ends in .safetensors, of letters, digits, dots, _ and -",
    }

    schema_version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=NAME)
    version: str = Field(pattern=VERSION)
    title: Title
    authors: tuple[Line, ...] = Field(min_length=1, max_length=50)
    contact: Annotated[Line, Field(pattern=CONTACT)] | None = None
    license: License
    paper: Link | None = None
    url: Link | None = None
    defense: DefenseTable
    variants: tuple[Variant, ...] = Field(alias="variant", min_length=1, max_length=64)
    weights: tuple[WeightFile, ...] = Field(default=(), max_length=16)
    training: Training = Training()
    limits: Limits = Limits()
    claims: dict[Annotated[str, AfterValidator(_known_variant)], Claim] = Field(
        default_factory=dict
    )
    notes: tuple[Note, ...] = Field(default=(), max_length=16)

    @field_validator("variants", "weights")
    @classmethod
    def _distinct(
        cls, given: tuple[Variant | WeightFile, ...], info: ValidationInfo
    ) -> tuple[Variant | WeightFile, ...]:
        names = [one.id if isinstance(one, Variant) else one.name for one in given]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            what = (
                "variants have the same id"
                if info.field_name == "variants"
                else "weights have the same file name"
            )
            raise ValueError(f"two {what}: {twice}")
        return given
