"""Whole evaluations of codecs through the command line: stored, taken up again, refused."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import CallError, SqueezebenchError
from benchmark.protocol import load
from benchmark.records import Run
from leaderboard import submission as submission_module
from leaderboard.engine.local import LocalEngine
from leaderboard.evaluation import Request, evaluate
from leaderboard.export import outcomes_csv
from leaderboard.store import Store
from tests.leaderboard.commands import SUBMISSIONS, complaint, succeed

JPEG = SUBMISSIONS / "jpeg"
TINY = """
schema = 1
name = "tiny-codec"
title = "Tiny"
track = "codec"
seed = 5
batch = 1

[dataset]
name = "photos"
sample = 3

[image]
resize = 64
crop = 48

[[cell]]
attack = "noise"
access = "noise"
radii = [4]

[[cell]]
attack = "pgd"
access = "vanilla"
objectives = ["mse"]
radii = [4]
steps = 3

[[cell]]
attack = "pgd"
access = "transfer"
source = "jpeg/q75"
objectives = ["mse"]
radii = [4]
steps = 3
"""


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("protocol") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def reference(protocol: Path, sandbox: None) -> Path:
    """The database of an undisturbed run of jpeg/q50, and what the command printed beside it."""
    db = protocol.parent / "runs.db"
    call = ("evaluate", JPEG, "--variant", "q50", "--protocol", protocol, "--db", db)
    db.with_suffix(".txt").write_text(succeed(*call, "--workers", 1))
    return db


def request(protocol: Path, folder: Path = JPEG, variant: str = "q50") -> Request:
    """In the worker itself, so that what is compared with the reference is so with the box."""
    found = submission_module.load(folder)
    asked = Request(found, found.variant(variant), load(str(protocol)), (protocol.parent,))
    return replace(asked, sandboxed=False)


def evaluated(asked: Request, store: Store, workers: int = 1) -> Run:
    with LocalEngine(workers, 1) as engine:
        return evaluate(asked, store, engine, lambda *_: None)


def test_a_run_is_printed_listed_and_exported(reference: Path, tmp_path: Path) -> None:
    printed = reference.with_suffix(".txt").read_text()
    assert "tiny-codec: worst case of each image over the attacks, linf-4" in printed
    assert "vanilla/pgd-3/linf-4/mse" in printed
    assert "worst of any attack inside linf-4: −" in printed
    (listed,) = json.loads(succeed("runs", "--json", "--db", reference))
    assert (listed["entry"], listed["track"], listed["status"]) == (
        "jpeg/q50",
        "codec",
        "completed",
    )
    assert listed["unofficial_reason"] == "a protocol of one's own"
    assert Store(str(reference)).run(1).header.environment["sandboxed"] is True
    exported = tmp_path / "run.csv"
    succeed("export", 1, "-o", exported, "--db", reference)
    with exported.open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["cell"] for row in rows[:4]] == [
        "clean",
        "noise/noise/linf-4",
        "vanilla/pgd-3/linf-4/mse",
        "transfer/pgd-3/linf-4/mse/jpeg:q75",
    ]
    assert {row["pixels"] for row in rows} == {str(48 * 48)}
    assert all(int(row["linf"]) <= 4 for row in rows)
    succeed("render", "--db", reference, "--out", tmp_path / "site")


def test_jpeg_under_the_noise_of_its_attack_is_worse_off(reference: Path) -> None:
    """An attack through the surrogate costs more than noise of the same size, picture by picture.

    (Bits differ by what Huffman coding makes of it; only the error is attacked.)
    """
    run = Store(str(reference)).run(1)
    by_cell = {(o.cell, o.image): o for o in run.codec_outcomes}
    images = {o.image for o in run.codec_outcomes}
    worse = [
        (by_cell["vanilla/pgd-3/linf-4/mse", i].mse or 0)
        > (by_cell["noise/noise/linf-4", i].mse or 0)
        for i in images
    ]
    assert all(worse)


def test_two_workers_without_a_box_give_the_same_bytes(
    reference: Path, protocol: Path, tmp_path: Path
) -> None:
    run = evaluated(request(protocol), Store(str(tmp_path / "r.db"), create=True), workers=2)
    assert outcomes_csv(run) == outcomes_csv(Store(str(reference)).run(1))


def test_an_interrupted_run_goes_on_to_the_same_bytes(
    reference: Path, protocol: Path, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "r.db"), create=True)

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with LocalEngine(1, 1) as engine, pytest.raises(KeyboardInterrupt):
        evaluate(request(protocol), store, engine, stop)
    assert store.runs()[0].status == "interrupted"
    assert 0 < len(store.done(1)) < 3
    seen: list[Sequence[int]] = []
    with LocalEngine(1, 1) as engine:
        run = evaluate(request(protocol), store, engine, lambda *now: seen.append(now))
    assert seen[0] == (1, 3)
    assert run.id == 1
    assert outcomes_csv(run) == outcomes_csv(Store(str(reference)).run(1))


def test_what_writes_no_bytes_is_refused(protocol: Path, tmp_path: Path) -> None:
    db = tmp_path / "r.db"
    sentence = complaint(
        "evaluate", SUBMISSIONS / "gaussian-blur", "--protocol", protocol, "--db", db, code=2
    )
    assert sentence.startswith(
        "gaussian-blur is a purifier, but protocol tiny-codec is of the codec track"
    )
    folder = SUBMISSIONS / "vaccinated-ensemble"
    (variant, *_) = submission_module.load(folder).manifest.variants
    with pytest.raises(CallError, match="is a classifier, but"):
        evaluated(request(protocol, folder, variant.id), Store(str(db), create=True))
    assert Store(str(db)).runs() == []


def test_an_unknown_source(protocol: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(TINY.replace("jpeg/q75", "jpge/q75"))
    call = ("evaluate", JPEG, "--variant", "q50", "--protocol", wrong, "--db", tmp_path / "r.db")
    assert f"did you mean {JPEG}?" in complaint(*call, code=2)
    wrong.write_text(TINY.replace("jpeg/q75", "jpeg/q76"))
    assert "unknown variant of jpeg 'q76'" in complaint(*call, code=2)


def test_a_codec_run_cannot_be_challenged(reference: Path, tmp_path: Path) -> None:
    sentence = complaint("challenge", 1, tmp_path, "--db", reference, code=2)
    assert "only runs of the classifier track can be challenged" in sentence


SMUGGLER = '''
from benchmark.api import Codec

KEPT = {}


class Smuggler(Codec):
    """Keeps pictures in its module, and writes their number."""

    def compress(self, x):
        streams = []
        for picture in x:
            key = len(KEPT).to_bytes(4, "big")
            KEPT[key] = picture
            streams.append(key)
        return streams

    def decompress(self, streams, size):
        import torch

        return torch.stack([KEPT[stream] for stream in streams])
'''


def test_a_codec_that_smuggles_through_its_module_is_caught(protocol: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(JPEG, tmp_path / "jpeg"))
    manifest = (folder / "submission.toml").read_text()
    head = manifest[: manifest.index("[[variant]]")]
    text = head.replace("JpegDefense", "Smuggler").replace('"surrogate"', '"none"')
    (folder / "submission.toml").write_text(text + '[[variant]]\nid = "one"\n')
    (folder / "defense.py").write_text(SMUGGLER)
    store = Store(str(tmp_path / "r.db"), create=True)
    with pytest.raises(SqueezebenchError, match=r"not come back .* decompress: KeyError"):
        evaluated(request(protocol, folder, "one"), store)
    assert store.runs()[0].status == "failed"
