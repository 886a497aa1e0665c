"""Pictures in a record from elsewhere: small PNG files of what was judged, and nothing else."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.errors import DataError
from benchmark.gallery import png
from leaderboard.record.moving import merge, record_of
from leaderboard.store import Store
from tests.leaderboard.record.filled import JUDGED, filled
from tests.leaderboard.record.test_moving import changed, put, with_arrays

OTHER = png(np.ones((8, 8, 3), np.uint8))
WIDE = png(np.zeros((8, 200, 3), np.uint8))


def file_of(kind: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (8, 8)).save(file, kind)
    return file.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "runs.db", "k1")


@pytest.fixture
def target(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "target.db"), create=True)


# A record has what was made of a picture before what was judged.
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"png": [b"<svg>", JUDGED]}, "'output' of image .* is no PNG file"),
        ({"png": [file_of("JPEG"), JUDGED]}, "is no PNG file"),
        ({"png": [JUDGED[:-30], JUDGED]}, "is no PNG file"),
        ({"png": [WIDE, JUDGED]}, r"is RGB of \(200, 8\), expected RGB of at most 128 a side"),
        ({"png": [file_of("PNG", "L"), JUDGED]}, "is L of"),
        ({"png": [b"x" * 70_000, JUDGED]}, "has 70000 bytes, expected at most 65536"),
        ({"png": [OTHER, OTHER]}, "'source' of image .* is not the picture that was judged"),
        ({"role": [b"other", b"source"]}, "'other' of image .* belongs to no outcome"),
        ({"role": [b"source", b"source"]}, "comes twice"),
        ({"image": [b"nobody", b"nobody"]}, "belongs to no outcome"),
    ],
)
def test_pictures_that_cannot_be(
    store: Store, target: Store, arrays: dict[str, Any], message: str
) -> None:
    given = {f"pictures__{name}": np.array(values) for name, values in arrays.items()}
    with pytest.raises(DataError, match=message):
        merge(target, with_arrays(record_of(store, 1), **given), "a record")
    assert target.runs() == []


def test_pictures_that_may_not_be_shown(store: Store, target: Store) -> None:
    files = changed(record_of(store, 1), put("run", "dataset", value="imagenet1k"))
    with pytest.raises(DataError, match="pictures of 'imagenet1k' are shown to nobody"):
        merge(target, files, "a record")
