"""Whole evaluations through the command line: stored, resumed, reproduced, shown."""

import csv
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.errors import SqueezebenchError
from benchmark.plan import plan
from benchmark.protocol import load
from leaderboard import evaluation
from leaderboard import submission as submission_module
from leaderboard.cli.abreast import evaluate_abreast
from leaderboard.engine.local import LocalEngine
from leaderboard.evaluation import Request, evaluate
from leaderboard.export import outcomes_csv
from leaderboard.store import Store
from tests.leaderboard.commands import ROOT, SQUEEZEBENCH, SUBMISSIONS, complaint, succeed

JPEG = SUBMISSIONS / "jpeg"


def run_jpeg(protocol: Path, db: Path, *options: object) -> Path:
    """Evaluate jpeg/q50 and export its outcomes."""
    succeed("evaluate", JPEG, "--variant", "q50", "--protocol", protocol, "--db", db, *options)
    exported = db.with_suffix(".csv")
    succeed("export", 1, "-o", exported, "--db", db)
    return exported


def rows(exported: Path) -> list[dict[str, str]]:
    with exported.open() as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A protocol, and the outcomes of an undisturbed run of it with one worker."""
    from tests.conftest import TINY

    folder = tmp_path_factory.mktemp("reference")
    protocol = folder / "tiny.toml"
    protocol.write_text(TINY)
    return protocol, run_jpeg(protocol, folder / "runs.db", "--workers", 1).read_bytes()


def test_a_run_is_stored_listed_exported_and_rendered(
    reference: tuple[Path, bytes], tmp_path: Path
) -> None:
    db = reference[0].parent / "runs.db"
    (listed,) = json.loads(succeed("runs", "--json", "--db", db))
    assert (listed["entry"], listed["status"], listed["images"]) == ("jpeg/q50", "completed", 7)
    assert listed["unofficial_reason"] == "a protocol of one's own"
    assert "jpeg/q50" in succeed("runs", "--db", db)
    record = tmp_path / "run.json"
    succeed("export", 1, "-o", record, "--db", db)
    content = json.loads(record.read_text())
    assert content["run"]["environment"]["packages"]["torch"]
    assert content["run"]["environment"]["sandboxed"] is True
    assert content["run"]["environment"]["crafting"] in ("fp32", "bf16")
    assert content["challenges"] == []
    assert content["outcomes"]["rows"]["outcomes"] == 7 * len(content["cells"])
    assert len(content["shards"]) == 3
    succeed("render", "--db", db, "--out", tmp_path / "site")
    assert "jpeg/q50" in (tmp_path / "site" / "index.html").read_text()


def test_the_same_call_again_computes_nothing(reference: tuple[Path, bytes]) -> None:
    protocol, _ = reference
    db = protocol.parent / "runs.db"
    before = json.loads(succeed("runs", "--json", "--db", db))
    succeed("evaluate", JPEG, "--variant", "q50", "--protocol", protocol, "--db", db)
    assert json.loads(succeed("runs", "--json", "--db", db)) == before


def test_another_precision_is_another_run(reference: tuple[Path, bytes], tmp_path: Path) -> None:
    """Crafting in bf16 is told apart; a call without --precision takes what the device is fast in.

    Judging stays in fp32: what no attack touched has the same margin to the last digit.
    """
    protocol, _ = reference
    db = tmp_path / "r.db"
    for precision in ("fp32", "bf16"):
        call = ("evaluate", JPEG, "--variant", "q50", "--protocol", protocol, "--db", db)
        succeed(*call, "--precision", precision, "--workers", 1, "--limit", 2)
    first, second = (Store(str(db)).run(number) for number in (1, 2))
    assert first.header.environment["crafting"] == "fp32"
    assert second.header.environment["crafting"] == "bf16"
    clean = [[o for o in run.outcomes if o.cell == "clean"] for run in (first, second)]
    assert clean[0] == clean[1]


def test_two_workers_give_the_same_bytes(reference: tuple[Path, bytes], tmp_path: Path) -> None:
    protocol, expected = reference
    assert run_jpeg(protocol, tmp_path / "r.db", "--workers", 2).read_bytes() == expected


def test_another_order_of_shards_gives_the_same_bytes(
    reference: tuple[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol, expected = reference

    def backward(*arguments: object) -> Sequence[object]:
        return tuple(reversed(plan(*arguments)))  # type: ignore[arg-type]

    monkeypatch.setattr(evaluation, "plan", backward)
    found = submission_module.load(JPEG)
    request = Request(found, found.variant("q50"), load(str(protocol)), (protocol.parent,))
    with LocalEngine(1, 1) as engine:
        run = evaluate(request, Store(str(tmp_path / "r.db"), create=True), engine, lambda *_: None)
    assert outcomes_csv(run).encode() == expected


def test_runs_side_by_side_are_those_of_one_after_another(
    reference: tuple[Path, bytes], tmp_path: Path
) -> None:
    protocol, expected = reference
    found = submission_module.load(JPEG)
    requests = [
        Request(found, found.variant(name), load(str(protocol)), (protocol.parent,))
        for name in ("q10", "q25", "q50")
    ]
    runs = evaluate_abreast(requests, Store(str(tmp_path / "r.db"), create=True), 2)
    assert [run.header.variant for run in runs] == ["q10", "q25", "q50"]
    assert outcomes_csv(runs[2]).encode() == expected
    assert len({outcomes_csv(run) for run in runs}) == 3


def test_a_run_that_fails_ends_those_beside_it(tiny_protocol: Path, tmp_path: Path) -> None:
    broken = submission_module.load(plugin(tmp_path, "raise RuntimeError('no luck')"))
    slow = submission_module.load(plugin(tmp_path / "slow", "import time; time.sleep(600)"))
    protocol = load(str(tiny_protocol))
    requests = [Request(found, found.variant("v"), protocol) for found in (slow, broken, slow)]
    store = Store(str(tmp_path / "r.db"), create=True)
    before = time.monotonic()
    with pytest.raises(SqueezebenchError, match="no luck"):
        evaluate_abreast(requests, store, 2)
    assert time.monotonic() - before < 500
    assert {run.status for run in store.runs()} == {"failed"}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_killed_and_resumed_gives_the_same_bytes(
    reference: tuple[Path, bytes], tmp_path: Path, seed: int
) -> None:
    """`kill -9` at a random moment, five times over, then left to finish: twenty in all."""
    protocol, expected = reference
    db = tmp_path / "r.db"
    draw = random.Random(seed)
    command = [*SQUEEZEBENCH, "evaluate", JPEG, "--variant", "q50", "--protocol", protocol]
    for _ in range(5):
        process = subprocess.Popen(
            [*map(str, command), "--db", str(db), "--workers", "1"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(draw.uniform(2, 7))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert run_jpeg(protocol, db, "--workers", 1).read_bytes() == expected
    runs = json.loads(succeed("runs", "--json", "--db", db))
    assert [run["status"] for run in runs] == ["completed"]


def test_a_run_goes_on_where_it_was(reference: tuple[Path, bytes], tmp_path: Path) -> None:
    """After the first of three shards the driver fails; the second call does only the others."""
    protocol, expected = reference
    store = Store(str(tmp_path / "r.db"), create=True)
    found = submission_module.load(JPEG)
    request = Request(found, found.variant("q50"), load(str(protocol)), (protocol.parent,))

    def fail(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with LocalEngine(1, 1) as engine, pytest.raises(KeyboardInterrupt):
        evaluate(request, store, engine, fail)
    (broken_off,) = store.runs()
    assert broken_off.status == "interrupted"
    done: list[int] = []
    with LocalEngine(1, 1) as engine:
        run = evaluate(request, store, engine, lambda count, _: done.append(count))
    assert done == [1, 2, 3]
    assert run.id == broken_off.id
    assert outcomes_csv(run).encode() == expected


@pytest.mark.parametrize("changed", ["threads", "batch"])
def test_other_threads_or_batches_agree(
    reference: tuple[Path, bytes], tmp_path: Path, changed: str
) -> None:
    """The same verdict on 99 % of outcomes, accuracy within half a point (of 7 x 16: one)."""
    protocol, _ = reference
    options: tuple[object, ...] = ("--workers", 1)
    other = tmp_path / "tiny.toml"
    text = protocol.read_text()
    if changed == "threads":
        options += ("--threads", 2)
    other.write_text(text.replace("batch = 3", "batch = 5") if changed == "batch" else text)
    found = rows(run_jpeg(other, tmp_path / "r.db", *options))
    expected = {(r["cell"], r["image"]): r["correct"] for r in rows(protocol.parent / "runs.csv")}
    agree = [r["correct"] == expected[r["cell"], r["image"]] for r in found]
    assert len(agree) == len(expected)
    assert sum(agree) >= 0.985 * len(agree)


def test_a_worker_that_dies_leaves_a_failed_run_that_goes_on(
    reference: tuple[Path, bytes], tmp_path: Path
) -> None:
    protocol, expected = reference
    mortal = Path(shutil.copytree(JPEG, tmp_path / "jpeg"))
    source = mortal / "defense.py"
    trap = (
        "\nimport os, signal, pathlib\n\n\ndef mortal(self, x, asked=Jpeg.compress):\n"
        f"    if pathlib.Path({str(tmp_path / 'armed')!r}).exists():\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return asked(self, x)\n\n\nJpeg.compress = mortal\n"
    )
    source.write_text(source.read_text() + trap)
    (tmp_path / "armed").touch()
    # In the box it could kill nothing but itself.
    call = ("evaluate", mortal, "--unsandboxed", "--variant", "q50", "--protocol", protocol)
    said = complaint(*call, "--db", tmp_path / "r.db", code=1)
    assert "a worker was killed by signal 9 during 'shard'; signal 9 is often the system" in said
    (tmp_path / "armed").unlink()
    succeed(*call, "--db", tmp_path / "r.db")
    succeed("export", 1, "-o", tmp_path / "r.csv", "--db", tmp_path / "r.db")
    assert (tmp_path / "r.csv").read_bytes() == expected


def plugin(folder: Path, body: str) -> Path:
    """A submission `own` whose class Own has `body`."""
    own = folder / "own"
    own.mkdir(parents=True)
    (own / "defense.py").write_text(
        "import torch\nfrom benchmark.api import Defense, Images\n\n\n"
        f"class Own(Defense):\n    def forward(self, x: Images) -> Images:\n        {body}\n"
    )
    (own / "submission.toml").write_text(
        'schema = 1\nname = "own"\nversion = "1"\ntitle = "Own"\nauthors = ["A"]\n'
        'license = "MIT"\n[defense]\nkind = "purifier"\nentry = "defense:Own"\n'
        'gradient = "exact"\n[[variant]]\nid = "v"\n'
    )
    return own


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return x[..., 1:]",
            r"Own.forward returned shape (3, 3, 64, 63), expected (3, 3, 64, 64)",
        ),
        ("return x * torch.nan", "Own.forward returned values that are not finite"),
        ("return x + 1", "Own.forward returned values in"),
        ("raise RuntimeError('no luck')", "RuntimeError at defense.py:7: no luck"),
        ("import os; os._exit(3)", "the worker in the box ended with code 3 during 'calls'"),
        ("import os; len(x) > 1 and os._exit(3); return x", "ended with code 3 during 'value'"),
    ],
)
def test_a_broken_plugin_fails_with_its_reason(
    tiny_protocol: Path, tmp_path: Path, body: str, message: str
) -> None:
    db = tmp_path / "r.db"
    own = plugin(tmp_path, body)
    said = complaint("evaluate", own, "--protocol", tiny_protocol, "--db", db, code=1)
    assert message in said
    (run,) = json.loads(succeed("runs", "--json", "--db", db))
    assert run["status"] == "failed"
    assert message in run["detail"]
    with sqlite3.connect(db) as connection:
        assert connection.execute("SELECT count(*) FROM outcomes").fetchone() == (0,)
    connection.close()


def test_what_a_plugin_prints_harms_nothing(tiny_protocol: Path, tmp_path: Path) -> None:
    own = plugin(tmp_path, "print('{\"ok\": {}}', flush=True); return x")
    succeed("evaluate", own, "--protocol", tiny_protocol, "--db", tmp_path / "r.db", "--limit", 2)
    (run,) = json.loads(succeed("runs", "--json", "--db", tmp_path / "r.db"))
    assert run["unofficial_reason"] == "a protocol of one's own; limited to 2 of 7 images"


def test_a_class_that_is_not_what_the_manifest_says(tiny_protocol: Path, tmp_path: Path) -> None:
    own = plugin(tmp_path, "return x")
    manifest = own / "submission.toml"
    call = ("evaluate", own, "--protocol", tiny_protocol, "--db", tmp_path / "r.db")
    text = manifest.read_text()
    for old, new, message in (
        ('"purifier"', '"codec"', "the manifest says kind = 'codec', but Own is a purifier"),
        ('id = "v"', 'id = "v"\nparameters = { q = 1 }', "Own(q): "),
        ("[[variant]]", "randomized = true\n[[variant]]", "but Own.randomized is False; make both"),
    ):
        manifest.write_text(text.replace(old, new))
        assert message in complaint(*call, code=2)


def test_ctrl_c_says_how_to_go_on(tiny_protocol: Path, tmp_path: Path) -> None:
    own = plugin(tmp_path, "import time; time.sleep(60 * (len(x) > 1)); return x")
    db = tmp_path / "r.db"
    process = subprocess.Popen(
        [*map(str, (*SQUEEZEBENCH, "evaluate", own, "--protocol", tiny_protocol, "--db", db))],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # A shell that runs tests in the background has its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.3)
        if db.exists() and "running" in succeed("runs", "--db", db):
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert said == "squeezebench: interrupted; the same command goes on from there\n"
    assert process.returncode == 1
    (run,) = json.loads(succeed("runs", "--json", "--db", db))
    assert (run["status"], run["detail"]) == ("interrupted", "by the user")
