"""The pictures of a record from elsewhere: whether each is a small PNG file of what was judged."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from benchmark.records import OUTPUT, SHOWABLE, SOURCE, WINDOW
from leaderboard.record.rows import Row, RunRows

LARGEST = 4 * WINDOW * WINDOW
"""Bytes of a file: more than any picture of that size takes."""


def complaint(rows: RunRows) -> str | None:
    """What is wrong with the first picture that is not as it should be."""
    given = rows.tables["pictures"]
    if given and rows.run["dataset"] not in SHOWABLE:
        return f"pictures of {rows.run['dataset'][:80]!r} are shown to nobody"
    hashes = _hashes(rows)
    return next((said for row in given if (said := _of_picture(row, hashes))), None)


def _hashes(rows: RunRows) -> Mapping[tuple[Any, ...], str]:
    """The sha256 of every picture that was judged."""
    outcomes: Sequence[Row] = [*rows.tables["outcomes"], *rows.tables["codec_outcomes"]]
    return {_place(row): row["png_sha256"] for row in outcomes}


def _place(row: Row) -> tuple[Any, ...]:
    return (row["shard_id"], row["cell_id"], row["position"], row["image"])


def _of_picture(row: Row, hashes: Mapping[tuple[Any, ...], str]) -> str | None:
    name = f"{row['role'][:20]!r} of image {row['image'][:80]!r}"
    if row["role"] not in (SOURCE, OUTPUT) or _place(row) not in hashes:
        return f"{name} belongs to no outcome"
    if len(row["png"]) > LARGEST:
        return f"{name} has {len(row['png'])} bytes, expected at most {LARGEST}"
    try:
        with Image.open(io.BytesIO(row["png"]), formats=["PNG"]) as opened:
            size, mode = opened.size, opened.mode
            small = max(size) <= WINDOW
            if small:
                opened.load()
    except (OSError, SyntaxError, ValueError) as problem:
        return f"{name} is no PNG file: {str(problem)[:200]}"
    if not small or mode != "RGB":
        return f"{name} is {mode} of {size}, expected RGB of at most {WINDOW} a side"
    judged = row["role"] == SOURCE and max(size) < WINDOW  # a larger one may have been cut
    if judged and hashlib.sha256(row["png"]).hexdigest() != hashes[_place(row)]:
        return f"{name} is not the picture that was judged"
    return None
