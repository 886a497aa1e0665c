"""Weights that a box lacks: fetched outside if the project knows them, else explained."""

from pathlib import Path

import pytest

from benchmark.codecs import zoo
from benchmark.errors import ContractError, DataError
from benchmark.places import cache_folder
from leaderboard.sandbox.library import fetched

KNOWN = "bmshj2018-hyperprior-1-7eb97409.pth.tar"


def lacking(name: str) -> ContractError:
    return ContractError(
        f"{name} is missing: looked for /data/weights/{name}, /cache/squeezebench/weights/{name}, "
        "and HF_HUB_OFFLINE forbids to fetch it; put it there"
    )


def test_a_published_file_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def find(name: str, *, url: str, sha256: str) -> Path:
        asked.append((name, url, sha256))
        return tmp_path / name

    monkeypatch.setattr(zoo, "find", find)
    assert fetched(lacking(KNOWN))
    ((name, url, digits),) = asked
    assert (name, digits) == (KNOWN, "7eb97409")
    assert url.startswith("https://")
    assert url.endswith(f"/{KNOWN}")


def test_a_file_that_nobody_publishes_is_explained_with_paths_of_this_side(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        fetched(lacking("ELIC_0004.pth.tar"))
    said = str(caught.value)
    assert str(tmp_path / "weights" / "ELIC_0004.pth.tar") in said
    assert str(cache_folder("weights") / "ELIC_0004.pth.tar") in said
    assert "/data/weights" not in said.replace(str(tmp_path), "")


@pytest.mark.parametrize("said", ["no luck", "../../etc/passwd is missing: looked for", ""])
def test_other_complaints_are_not_about_weights(said: str) -> None:
    assert not fetched(ContractError(said))
