"""Submissions: the bundled ones are whole, a wrong one is told what is wrong."""

import shutil
from pathlib import Path

import pytest

from benchmark.errors import SubmissionError, UnknownNameError
from benchmark.protocol import built_in
from leaderboard.demo import DEMO
from leaderboard.submission import SUBMISSIONS, load

MADE_OF = ("submission.toml", "defense.py")
BUNDLED = sorted(path.parent for path in SUBMISSIONS.glob("*/submission.toml"))


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_a_bundled_submission_is_two_small_files(path: Path) -> None:
    """And weights, if it has some of its own, with the log of their training."""
    submission = load(path)
    assert submission.manifest.name == path.name
    files = {file.name: file for file in path.iterdir() if file.name != "__pycache__"}
    assert files.keys() >= {"submission.toml", "defense.py"}
    others = {name: file for name, file in files.items() if name not in MADE_OF}
    assert {file.suffix for file in others.values()} in (set(), {".safetensors", ".jsonl"})
    assert all(file.stat().st_size <= 2_000_000 for file in others.values())
    assert len(submission.source.read_text().splitlines()) <= 150


def test_the_rate_points_of_jpeg() -> None:
    variants = [v.parameters for v in load(SUBMISSIONS / "jpeg").manifest.variants]
    published = [given["quality"] for given in variants if "subsampling" not in given]
    assert published == [5, 10, 15, 25, 35, 50, 75, 95]


def test_the_demo_names_what_exists() -> None:
    for one in DEMO:
        assert one.protocol in built_in()
        for name, variants in one.entries.items():
            found = load(SUBMISSIONS / name)
            assert [found.variant(variant).id for variant in variants] == list(variants)


def test_the_demo_shows_every_kind_of_compression() -> None:
    classifier_track, codec_track = (one.entries for one in DEMO)
    assert len(classifier_track["jpeg"]) >= 3
    assert classifier_track.keys() >= {"identity", "webp", "avif", "vaccinated-ensemble"}
    assert "q25x5" in classifier_track["sequential-jpeg"]
    for track in (classifier_track, codec_track):
        assert track.keys() >= {"jpeg", "mini-mbt2018-mean", "mini-elic", "mini-hific"}
    assert codec_track.keys() >= {"naive-randomization", "two-way", "k-way"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SUBMISSIONS / "bit-depth", tmp_path / "bit-depth"))


def test_the_hash_covers_every_file_but_caches(copy: Path) -> None:
    before = load(copy).hash
    (copy / "__pycache__").mkdir(exist_ok=True)
    (copy / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert load(copy).hash == before
    (copy / "table.txt").write_text("1")
    assert load(copy).hash != before


@pytest.mark.parametrize("kind", ["codec", "purifier", "classifier"])
def test_the_kinds(copy: Path, kind: str) -> None:
    manifest = copy / "submission.toml"
    manifest.write_text(manifest.read_text().replace('kind = "purifier"', f'kind = "{kind}"'))
    assert load(copy).manifest.defense.kind == kind


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'kind = "purifier"',
            'kind = "purify"',
            "key 'defense.kind' is 'purify'; input should be .*'purifier' or 'classifier'",
        ),
        ('name = "bit-depth"', 'name = "other"', "name is 'other', but the folder is 'bit-depth'"),
        ('id = "5-bit"', 'id = "3-bit"', "two variants have the same id"),
        ("title =", "titel =", r"unknown key 'titel'; did you mean 'title'\?"),
        ('license = "Apache-2.0"', "", "key 'license' is missing"),
        ('paper = "https:', 'paper = "http:', "key 'paper' is 'http:"),
        ('entry = "defense:BitDepth"', 'entry = "../x:BitDepth"', "key 'defense.entry' is"),
        ('entry = "defense:BitDepth"', 'entry = "other:BitDepth"', r"other\.py is missing; entry"),
        (
            'gradient = "surrogate"',
            'gradient = "surrogate"\nrandomized = "often"',
            "key 'defense.randomized' is 'often'; input should be a valid boolean",
        ),
        ("schema = 1", "schema = 9", "key 'schema' is 9; input should be 1"),
        ("schema = 1", "schema = ", "is not TOML"),
    ],
)
def test_a_wrong_manifest(copy: Path, old: str, new: str, message: str) -> None:
    manifest = copy / "submission.toml"
    manifest.write_text(manifest.read_text().replace(old, new, 1))
    with pytest.raises(SubmissionError, match=message) as raised:
        load(copy)
    assert "\n" not in str(raised.value)


def test_a_defense_is_deterministic_unless_the_manifest_says_otherwise(copy: Path) -> None:
    assert load(copy).manifest.defense.randomized is False
    manifest = copy / "submission.toml"
    text = manifest.read_text()
    manifest.write_text(text.replace('gradient = "', 'randomized = true\ngradient = "'))
    assert load(copy).manifest.defense.randomized is True


def test_names_that_are_near() -> None:
    with pytest.raises(SubmissionError, match=r"jepg is no folder; did you mean \S*/jpeg\?"):
        load(SUBMISSIONS / "jepg")
    with pytest.raises(UnknownNameError, match=r"unknown variant of jpeg 'q2'; did you mean q25"):
        load(SUBMISSIONS / "jpeg").variant("q2")


def test_no_folder_and_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="is no folder; expected one with submission"):
        load(tmp_path / "none")
    with pytest.raises(SubmissionError, match=r"submission\.toml is missing"):
        load(tmp_path)
