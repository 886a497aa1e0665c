"""The two files of a record: JSON for all but the outcomes, an npz archive for those.

Equal rows are equal bytes: the order of keys is that of the schema, archives carry no time.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import JSON, Boolean, Column, Float, Integer, LargeBinary, Table

from leaderboard.record.rows import OF_RUN, OF_SHARD, Row, RunRows, own_columns

SCHEMA = 1
EPOCH = (1980, 1, 1, 0, 0, 0)
NULL = ".null"

KINDS: Mapping[type, type] = {
    Boolean: bool,
    Integer: int,
    Float: float,
    JSON: dict,
    LargeBinary: bytes,
}

Arrays = dict[str, NDArray[Any]]


class RecordFiles(NamedTuple):
    """What a record is made of; `sha256` of the JSON names it, and the JSON holds the other's."""

    text: bytes
    outcomes: bytes

    @property
    def sha256(self) -> str:
        """The name of the record."""
        return hashlib.sha256(self.text).hexdigest()


def outcomes_path(path: Path) -> Path:
    """Where the outcomes of the record at `path` lie: beside it."""
    return path.with_suffix(".npz")


def pack(rows: RunRows, revision: str) -> RecordFiles:
    """The record of a run; `revision` is that of the database's schema."""
    outcomes = _archive(arrays_of(rows))
    content = {
        "schema": SCHEMA,
        "database": revision,
        "run": rows.run,
        **{table.name: list(rows.tables[table.name]) for table in OF_RUN},
        "outcomes": {
            "sha256": hashlib.sha256(outcomes).hexdigest(),
            "bytes": len(outcomes),
            "rows": {table.name: len(rows.tables[table.name]) for table in OF_SHARD},
        },
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return RecordFiles(text.encode(), outcomes)


def arrays_of(rows: RunRows) -> Arrays:
    """One array a column of each table of outcomes; `.null` marks what has no value."""
    found: Arrays = {}
    for table in OF_SHARD:
        given = rows.tables[table.name]
        for column in own_columns(table):
            name = f"{table.name}.{column.name}"
            values = [row[column.name] for row in given]
            found[name] = _array(column, values)
            if column.nullable:
                found[name + NULL] = np.array([value is None for value in values], dtype=bool)
    return found


def rows_from(content: Mapping[str, Any], arrays: Arrays) -> RunRows:
    """The rows that a checked record holds."""
    tables: dict[str, Sequence[Row]] = {table.name: content[table.name] for table in OF_RUN}
    for table in OF_SHARD:
        columns = [column.name for column in own_columns(table)]
        values = [_values(table, table.c[name], arrays) for name in columns]
        tables[table.name] = [
            dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)
        ]
    return RunRows(content["run"], tables)


def kind_of(column: Column[Any]) -> type:
    """The Python type of a column's values; `dict` stands for JSON."""
    return next((python for kind, python in KINDS.items() if isinstance(column.type, kind)), str)


def _array(column: Column[Any], values: Sequence[Any]) -> NDArray[Any]:
    kind = kind_of(column)
    if kind is dict:
        return np.array([json.dumps(value).encode() for value in values], dtype="S")
    if kind is bytes:  # files that end in a byte other than 0, which numpy would cut off
        return np.array(values, dtype="S")
    if kind is str:
        return np.array([(value or "").encode() for value in values], dtype="S")
    dtypes = {bool: bool, int: np.int64, float: np.float64}
    return np.array([0 if value is None else value for value in values], dtype=dtypes[kind])


def _values(table: Table, column: Column[Any], arrays: Arrays) -> list[Any]:
    name = f"{table.name}.{column.name}"
    values: list[Any] = arrays[name].tolist()
    kind = kind_of(column)
    if kind is dict:
        values = [json.loads(value) for value in values]
    elif kind is str:
        values = [value.decode() for value in values]
    if not column.nullable:
        return values
    empty = arrays[name + NULL].tolist()
    return [None if none else value for value, none in zip(values, empty, strict=True)]


def _archive(arrays: Arrays) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            archive.writestr(entry, member.getvalue(), zipfile.ZIP_DEFLATED, 9)
    return target.getvalue()
