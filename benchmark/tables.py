"""TOML files read into frozen models; errors name file, key, what was given and what is allowed."""

import json
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.errors import CallError


class Table(BaseModel):
    """A TOML table: frozen, typed strictly, no unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


TableT = TypeVar("TableT", bound=Table)


def read_table(path: Path, model: type[TableT], error: type[CallError]) -> TableT:
    """The file at `path` as a `model`; raises `error` with one sentence otherwise."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"{path} is missing; expected a TOML file there") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{path} cannot be read: {problem}") from problem
    try:
        # As JSON, strictly: there arrays may become tuples, but no string becomes a number.
        return model.model_validate_json(json.dumps(tomllib.loads(text), default=str))
    except tomllib.TOMLDecodeError as problem:
        raise error(f"{path} is not TOML: {problem}") from problem
    except ValidationError as problem:
        raise error(f"{path}: {_sentence(problem, model)}") from problem


def _sentence(problem: ValidationError, model: type[BaseModel]) -> str:
    """The first complaint of pydantic in our words, and how many more there are."""
    errors = problem.errors(include_url=False)
    # A misspelt key is also a missing one; the misspelling is what helps.
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    said = first["msg"].removeprefix("Value error, ")
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        known = _keys(model, first["loc"][:-1])
        near = get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        sentence = f"unknown key {key!r}; {remedy}"
    elif first["type"] == "missing":
        sentence = f"key {key!r} is missing"
    elif not first["loc"]:
        sentence = said
    else:
        sentence = f"key {key!r} is {_brief(first['input'])}; {said[0].lower()}{said[1:]}"
    return sentence + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")


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


def _brief(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
