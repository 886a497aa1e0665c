"""Protocols: frozen recipes in TOML, versioned by name and known by their hash."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.errors import ProtocolError, UnknownNameError
from benchmark.protocol.classifier_track import (
    CellSpec,
    ClassifierSpec,
    PlannedCell,
    Protocol,
    RecipeSpec,
    planned_cells,
)
from benchmark.protocol.codec_track import CodecProtocol, ImageSpec, codec_cells
from benchmark.protocol.recipe import CLEAN_CELL, DatasetSpec
from benchmark.tables import read_table, table_at

__all__ = [
    "CLEAN_CELL",
    "AnyProtocol",
    "CellSpec",
    "ClassifierSpec",
    "CodecProtocol",
    "DatasetSpec",
    "ImageSpec",
    "PlannedCell",
    "Protocol",
    "RecipeSpec",
    "built_in",
    "codec_cells",
    "describe",
    "is_official",
    "load",
    "of_content",
    "planned",
    "planned_cells",
]

FOLDER = Path(__file__).parents[1] / "protocols"
AnyProtocol = Protocol | CodecProtocol
TRACKS: Mapping[str, type[AnyProtocol]] = {"classifier": Protocol, "codec": CodecProtocol}


def built_in() -> dict[str, Path]:
    """The protocols that come with the project, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def load(name: str) -> AnyProtocol:
    """The protocol called `name`, or in the file at the path `name` (ending in .toml)."""
    path = Path(name)
    if not name.endswith(".toml"):
        known = built_in()
        if name not in known:
            raise UnknownNameError("protocol", name, known)
        path = known[name]
    return read_table(path, _model(table_at(path, ProtocolError), str(path)), ProtocolError)


def of_content(content: Mapping[str, Any]) -> AnyProtocol:
    """The protocol whose `model_dump` by alias is `content`."""
    return _model(content, "a protocol").model_validate_json(json.dumps(content))


def _model(content: Mapping[str, Any], source: str) -> type[AnyProtocol]:
    track = content.get("track", "classifier")
    if track not in TRACKS:
        raise ProtocolError(f"{source}: key 'track' is {track!r}; expected {' or '.join(TRACKS)}")
    return TRACKS[track]


def planned(protocol: AnyProtocol) -> Iterator[PlannedCell]:
    """Every cell of a protocol of either track."""
    if isinstance(protocol, CodecProtocol):
        return codec_cells(protocol)
    return planned_cells(protocol)


def is_official(name: str) -> bool:
    """True for a protocol that comes with the project, False for a file of one's own."""
    return not name.endswith(".toml")


def describe(protocol: AnyProtocol) -> dict[str, Any]:
    """What `squeezebench protocols NAME --json` prints."""
    return {
        "hash": protocol.hash,
        **protocol.model_dump(mode="json", by_alias=True),
        "planned_cells": [one.cell.name for one in planned(protocol)],
    }
