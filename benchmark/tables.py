"""TOML files read into frozen models; errors name file, line, key, what was given and allowed."""

import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.errors import CallError
from benchmark.toml_lines import KeyPath, line_at, lines_of

LARGEST = 256 * 1024
"""Bytes of a TOML file that is read at all."""


class Table(BaseModel):
    """A TOML table: frozen, typed strictly, no unknown key.

    `patterns_in_words` says of the patterns of its strings, and of the tables in it, what they ask.
    """

    patterns_in_words: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


TableT = TypeVar("TableT", bound=Table)


class Complaint(NamedTuple):
    """What is wrong with a TOML file, and on which line; None if with the file as a whole."""

    line: int | None
    says: str


def read_table(path: Path, model: type[TableT], error: type[CallError]) -> TableT:
    """The file at `path` as a `model`; raises `error` with one sentence otherwise."""
    given = parsed(path, model)
    if isinstance(given, model):
        return given
    first, *others = cast(list[Complaint], given)
    more = f" (and {len(others)} more)" if others else ""
    raise error(f"{placed(path, first)}{more}")


def table_at(path: Path, error: type[CallError]) -> dict[str, Any]:
    """What the TOML file at `path` holds, unchecked; raises `error` if it is none."""
    try:
        return tomllib.loads(_text(path))
    except _UnreadableError as problem:
        raise error(f"{path} {problem}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise error(f"{path} is not TOML: {brief(problem, 200)}") from problem


def placed(path: object, complaint: Complaint) -> str:
    """The complaint as a sentence that begins with the file."""
    if complaint.line is None:
        return f"{path} {complaint.says}"
    return f"{path}, line {complaint.line}: {complaint.says}"


def parsed(path: Path, model: type[TableT]) -> TableT | list[Complaint]:
    """The file at `path` as a `model`, or everything that is wrong with it, the first thing first.

    Strings of the file are given back as Python writes them, so no control character among them
    reaches a terminal.
    """
    try:
        text = _text(path)
        content = tomllib.loads(text)
        # As JSON, strictly: there arrays may become tuples, but no string becomes a number.
        return model.model_validate_json(json.dumps(content, default=_no_date, allow_nan=False))
    except _UnreadableError as problem:
        says = str(problem)
    except ValidationError as problem:
        return _complaints(problem, model, lines_of(text))
    except tomllib.TOMLDecodeError as problem:
        says = f"is not TOML: {brief(problem, 200)}"
    except RecursionError:
        says = "is nested too deeply; expected tables and lists of plain values"
    except (ValueError, TypeError) as problem:  # a number or a date that no manifest needs
        says = f"holds a value that has no place in it: {brief(problem, 200)}"
    return [Complaint(None, says)]


class _UnreadableError(Exception):
    """Why a file gives no text."""


def _text(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise _UnreadableError(f"has {path.stat().st_size} bytes; expected at most {LARGEST}")
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise _UnreadableError("is missing; expected a TOML file there") from None
    except UnicodeDecodeError as problem:
        raise _UnreadableError(f"is not UTF-8: {problem.reason} at byte {problem.start}") from None
    except OSError as problem:
        raise _UnreadableError(f"cannot be read: {problem.strerror}") from None


def _no_date(value: object) -> str:
    raise TypeError(f"{value} is a {type(value).__name__}; put it into quotes")


def _complaints(
    problem: ValidationError, model: type[Table], lines: Mapping[KeyPath, int]
) -> list[Complaint]:
    """Pydantic's complaints in our words."""
    errors = problem.errors(include_url=False)
    # A misspelt key is also a missing one; the misspelling is what helps.
    errors.sort(key=lambda error: error["type"] != "extra_forbidden")
    return [
        Complaint(line_at(lines, error["loc"]) or 1, _sentence(dict(error), model))
        for error in errors
    ]


def _sentence(error: Mapping[str, Any], model: type[Table]) -> str:
    said = brief(error["msg"].removeprefix("Value error, "), 600)
    if words := model.patterns_in_words.get(error.get("ctx", {}).get("pattern", "")):
        said = f"expected {words}"
    location = error["loc"]
    key = brief(".".join(str(part) for part in location), 80) or "the file"
    if error["type"] == "extra_forbidden":
        known = _keys(model, location[:-1])
        near = get_close_matches(str(location[-1])[:80], known, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {key!r}; {remedy}"
    if error["type"] == "missing":
        return f"key {key!r} is missing"
    if not location or error["type"] == "whole_table":
        return said
    if said[1:2].islower():
        said = said[0].lower() + said[1:]
    return f"key {key!r} is {brief(repr(error['input']), 60)}; {said}"


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys of the table at `location`."""
    for part in location:
        if isinstance(part, int):
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = _table_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return sorted(f.alias or n for n, f in model.model_fields.items())


def _table_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _table_in(argument):
            return found
    return None


def brief(value: object, length: int) -> str:
    """`value` in at most `length` printable characters of one line; nothing in it can act."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(str(value).split()))
    return shown if len(shown) <= length else shown[: length - 3] + "..."
