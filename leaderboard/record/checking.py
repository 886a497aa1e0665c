"""A record that came from elsewhere, checked before any of it enters a store.

It was made by a machine that ran a stranger's code, so nothing in it is believed: types, sizes and
hashes are looked at first, then whether its parts agree with each other.
"""

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import Column, Table

from benchmark.errors import DataError
from leaderboard.record import pictures
from leaderboard.record.files import NULL, SCHEMA, Arrays, RecordFiles, kind_of, rows_from
from leaderboard.record.rows import OF_RUN, OF_SHARD, RunRows, own_columns
from leaderboard.store.schema import runs

MIB = 2**20
LARGEST_TEXT = 64 * MIB
LARGEST_OUTCOMES = 512 * MIB
LARGEST_UNPACKED = 2048 * MIB
MOST_ROWS = 20_000_000
DTYPES: Mapping[type, str] = {bool: "b", int: "i", float: "f", str: "S", dict: "S", bytes: "S"}


def checked(files: RecordFiles, source: object) -> RunRows:
    """The rows of the record; a DataError says what is wrong with it."""
    content = _content(files.text, source)
    claimed = content["outcomes"]
    if not isinstance(claimed, dict) or set(claimed) != {"sha256", "bytes", "rows"}:
        raise _wrong(source, "outcomes", "expected sha256, bytes and rows")
    if hashlib.sha256(files.outcomes).hexdigest() != claimed["sha256"]:
        raise DataError(
            f"{source}: its outcomes have another sha256 than it says; fetch both files again"
        )
    _row(content["run"], runs, "run", source)
    for table in OF_RUN:
        if not isinstance(content[table.name], list):
            raise _wrong(source, table.name, "expected a list")
        for position, row in enumerate(content[table.name]):
            _row(row, table, f"{table.name}[{position}]", source)
    arrays = _arrays(files.outcomes, claimed["rows"], source)
    rows = rows_from(content, arrays)
    _agree(rows, source)
    return rows


def _wrong(source: object, where: str, says: str) -> DataError:
    return DataError(f"{source}: {where}: {says}; export the run again")


def _content(text: bytes, source: object) -> dict[str, Any]:
    if len(text) > LARGEST_TEXT:
        raise _wrong(source, "the file", f"{len(text)} bytes; expected at most {LARGEST_TEXT}")

    def refuse(number: str) -> float:
        raise ValueError(f"{number} is no number")

    try:
        content = json.loads(text.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as problem:
        raise _wrong(source, "the file", f"is not JSON: {str(problem)[:200]}") from None
    expected = {"schema", "database", "run", "outcomes", *(table.name for table in OF_RUN)}
    if not isinstance(content, dict) or set(content) != expected:
        raise _wrong(source, "the file", f"expected the keys {', '.join(sorted(expected))}")
    if content["schema"] != SCHEMA:
        given = str(content["schema"])[:20]
        raise DataError(f"{source} is a record of schema {given}; this squeezebench reads {SCHEMA}")
    return content


def _row(row: Any, table: Table, where: str, source: object) -> None:
    columns = {column.name: column for column in own_columns(table)}
    if not isinstance(row, dict) or set(row) != set(columns):
        raise _wrong(source, where, f"expected the keys {', '.join(columns)}")
    for name, value in row.items():
        if complaint := _complaint(value, columns[name]):
            raise _wrong(source, f"{where}.{name}", complaint)


def _complaint(value: Any, column: Column[Any]) -> str | None:
    kind = kind_of(column)
    if value is None:
        return None if column.nullable else "is null"
    if kind is dict:
        return None if isinstance(value, dict | list) else "expected an object or a list"
    return _of_scalar(value, kind, column)


def _of_scalar(value: Any, kind: type, column: Column[Any]) -> str | None:
    right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if not right and not (kind is float and isinstance(value, int)):
        return f"is {type(value).__name__}, expected {kind.__name__}"
    if isinstance(value, float) and not math.isfinite(value):
        return "is not finite"
    if isinstance(value, str) and any(not c.isprintable() for c in value):
        return "holds a control character"
    length = getattr(column.type, "length", None)
    if isinstance(value, str) and length is not None and len(value) > length + len("-failed"):
        return f"has {len(value)} characters, expected at most {length}"
    return None


def _arrays(content: bytes, claimed: Any, source: object) -> Arrays:
    """The arrays of the archive, none of which is a pickle."""
    if len(content) > LARGEST_OUTCOMES:
        raise _wrong(source, "outcomes", f"{len(content)} bytes; at most {LARGEST_OUTCOMES}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNPACKED:
                raise _wrong(source, "outcomes", "they unpack to too much")
            found = {
                entry.filename.removesuffix(".npy"): np.load(
                    io.BytesIO(archive.read(entry)), allow_pickle=False
                )
                for entry in archive.infolist()
            }
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as problem:
        raise _wrong(source, "outcomes", f"cannot be read: {str(problem)[:200]}") from None
    expected = {
        f"{table.name}.{column.name}{ending}": (table, column, ending)
        for table in OF_SHARD
        for column in own_columns(table)
        for ending in (("", NULL) if column.nullable else ("",))
    }
    if set(found) != set(expected):
        odd = sorted(set(found) ^ set(expected))[:4]
        raise _wrong(source, "outcomes", f"missing or unknown: {', '.join(odd)}")
    for name, (table, column, ending) in expected.items():
        kind = "b" if ending else DTYPES[kind_of(column)]
        count = claimed.get(table.name) if isinstance(claimed, dict) else None
        array = found[name]
        if array.dtype.kind != kind or array.ndim != 1 or len(array) != count:
            raise _wrong(source, f"outcomes {name}", f"is {array.dtype} of {array.shape}")
        if len(array) > MOST_ROWS or (kind == "f" and not np.isfinite(array).all()):
            raise _wrong(source, f"outcomes {name}", "holds what is not finite, or too much")
    return found


def _agree(rows: RunRows, source: object) -> None:
    """Whether shards, cells and outcomes fit together."""
    counts = {name: len(found) for name, found in rows.tables.items()}
    shards, cells = rows.tables["shards"], rows.tables["cells"]
    seen: set[tuple[Any, ...]] = set()
    for table in OF_SHARD:
        for row in rows.tables[table.name]:
            shard, cell, position = row["shard_id"], row["cell_id"], row["position"]
            inside = 0 <= shard < counts["shards"] and 0 <= cell < counts["cells"]
            if not inside or not shards[shard]["start"] <= position < shards[shard]["stop"]:
                raise _wrong(source, table.name, "an outcome belongs to no shard or cell")
            identity = (table.name, *(row[key.name] for key in table.primary_key))
            if identity in seen:
                raise _wrong(source, table.name, f"image {row['image'][:80]!r} comes twice")
            seen.add(identity)
            if "draws" in row and not 0 <= row["draws_correct"] <= row["draws"]:
                raise _wrong(source, table.name, "more draws are correct than there are")
            if row.get("draws") == 1 and row["correct"] != (row["margin"] > 0):
                raise _wrong(source, table.name, "an outcome is correct against its own margin")
    if said := pictures.complaint(rows):
        raise _wrong(source, "pictures", said)
    if [cell["position"] for cell in cells] != list(range(len(cells))):
        raise _wrong(source, "cells", "they are not in order")
    if not rows.tables["events"]:
        raise _wrong(source, "events", "expected at least one")
