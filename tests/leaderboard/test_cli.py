"""The command line: what a wrong call says, and what the others print."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.protocol import load
from benchmark.records import Run
from benchmark.threat import Access
from leaderboard import report
from leaderboard.cli import main, measuring
from leaderboard.store import Store
from tests.benchmark.test_score import run as example_run
from tests.leaderboard.commands import ROOT, SUBMISSIONS, complaint, squeezebench, succeed

MINI = ("--protocol", "mini-classifier-v1")
IDENTITY = SUBMISSIONS / "identity"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evalute",), "No such command 'evalute'"),
        (("evaluate", IDENTITY), "Missing option '--protocol'"),
        (
            ("evaluate", IDENTITY, "--protocol", "mini"),
            "unknown protocol 'mini'; did you mean mini-",
        ),
        (("evaluate", SUBMISSIONS / "jpge", *MINI), "submissions/jpeg?"),
        (("evaluate", SUBMISSIONS / "jpeg", *MINI, "--variant", "q24"), "did you mean q25?"),
        (("evaluate", IDENTITY, *MINI, "--limit", "0"), "--limit 0: expected at least 1"),
        (("evaluate", IDENTITY, *MINI, "--limit", "x"), "Invalid value for '--limit'"),
        (("evaluate", IDENTITY, *MINI, "--workers", "0"), "--workers 0: expected at least 1"),
        (("evaluate", IDENTITY, *MINI, "--threads", "0"), "--threads 0: expected at least 1"),
        (
            ("evaluate", IDENTITY, *MINI, "--device", "tpu"),
            "--device tpu: expected auto, cpu or cuda",
        ),
        (
            ("evaluate", IDENTITY, *MINI, "--precision", "fp64"),
            "--precision fp64: expected auto, fp32 or bf16",
        ),
        (("demo", "--precision", "half"), "--precision half: expected auto, fp32 or bf16"),
        (("challenge", 1), "Missing argument 'images'"),
        (("challenge", 1, ".", "--device", "tpu"), "--device tpu: expected auto, cpu or cuda"),
        (("bench", "--images", "0"), "--images 0: expected at least 1"),
        (
            ("evaluate", IDENTITY, "--protocol", "none.toml"),
            "none.toml is missing; expected a TOML",
        ),
        (("protocols", "imagenet-v1"), "did you mean imagenette-v1?"),
        (("runs", "--db", "mysql://host/name"), "runs are kept in SQLite or PostgreSQL"),
    ],
)
def test_a_wrong_call(tmp_path: Path, arguments: tuple[object, ...], message: str) -> None:
    assert message in complaint(*arguments, code=2, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [("runs",), ("render",), ("export", 1, "-o", "x.json"), ("challenge", 1, ".")]
)
def test_no_database_yet(tmp_path: Path, arguments: tuple[object, ...]) -> None:
    assert "squeezebench.db is no database yet" in complaint(*arguments, code=1, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def protocol_with(tmp_path: Path, tiny: Path, old: str, new: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(tiny.read_text().replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ('name = "shapes"\nsample = 7', 'name = "shape"', 2, "did you mean shapes?"),
        (
            'name = "shapes"\nsample = 7',
            'name = "folder"\nfolder = "no"',
            1,
            "no is missing: looked",
        ),
        ('name = "shapes"\nsample = 7', 'name = "kodak"', 1, "is not on this machine"),
        ('name = "shapes"\nsample = 7', 'name = "photos"', 1, "has no labels"),
        ('attack = "pgd"', 'attack = "pgdd"', 2, "unknown attack 'pgdd'; did you mean pgd?"),
        (
            'architecture = "mini-resnet"',
            'architecture = "mini-net"',
            2,
            "did you mean mini-resnet?",
        ),
        (
            'source = "bundled"\narchitecture = "mini-resnet"',
            'source = "timm"\narchitecture = "resnet18"\nweights = "w.safetensors"',
            1,
            "w.safetensors is missing: looked for",
        ),
    ],
)
def test_a_protocol_that_cannot_be_run(
    tmp_path: Path, tiny_protocol: Path, old: str, new: str, code: int, message: str
) -> None:
    own = protocol_with(tmp_path, tiny_protocol, old, new)
    call = ("evaluate", IDENTITY, "--protocol", own, "--db", tmp_path / "r.db", "--workers", 1)
    said = complaint(*call, code=code, HF_HUB_OFFLINE="1")
    assert message in said


def test_cuda_that_is_not_there(tmp_path: Path) -> None:
    call = ("evaluate", IDENTITY, *MINI, "--db", tmp_path / "r.db", "--device", "cuda")
    said = complaint(*call, code=1, CUDA_VISIBLE_DEVICES="")
    assert "torch finds no CUDA device here; use --device cpu" in said


def test_a_database_that_cannot_be_written(tmp_path: Path) -> None:
    """As a user without the right to write; root may write anything."""
    db = tmp_path / "r.db"
    (tmp_path / "elsewhere").mkdir()
    subprocess.run(
        [
            sys.executable,
            "-c",
            f"from leaderboard.store import Store; Store({str(db)!r}, create=True)",
        ],
        check=True,
        cwd=ROOT,
    )
    for folder in tmp_path.parents[:3]:
        folder.chmod(folder.stat().st_mode | 0o011)  # whoever root becomes below must get here
    db.chmod(0o444)
    tmp_path.chmod(0o555)
    code = (
        f"import os\n"
        f"from leaderboard.store import Store\n"
        f"from benchmark.errors import StoreError\n"
        f"Store({str(tmp_path / 'elsewhere' / 'a.db')!r}, create=True)\n"  # imports first
        f"os.getuid() or os.setuid(65534)\n"
        f"try: Store({str(db)!r}, create=True).note(1, 'x')\n"
        f"except StoreError as problem: print(problem)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    tmp_path.chmod(0o755)
    assert "check that the file is writable" in done.stdout, done.stderr


def test_export_to_a_wrong_name(tmp_path: Path, tiny_protocol: Path) -> None:
    db = tmp_path / "r.db"
    call = ("evaluate", IDENTITY, "--protocol", tiny_protocol, "--db", db, "--limit", 1)
    succeed(*call, "--workers", 1)
    for target in ("x.txt", "nowhere/x.csv"):
        done = squeezebench("export", 1, "-o", tmp_path / target, "--db", db)
        assert done.returncode in (1, 2)
        assert "Traceback" not in done.stderr
    assert "run 2 is not in" in complaint("export", 2, "-o", "x.csv", "--db", db, code=2)
    assert not list(tmp_path.glob("*.partial"))


def test_protocols() -> None:
    listed = succeed("protocols")
    assert "mini-classifier-v1" in listed
    assert {row["name"] for row in json.loads(succeed("protocols", "--json"))} >= {"imagenet1k-v1"}
    shown = json.loads(succeed("protocols", "mini-classifier-v1"))
    assert "white-box/pgd-10/linf-4/surrogate" in shown["planned_cells"]


@pytest.mark.parametrize("code", [0, 3])
def test_bench_passes_options_and_exit_code_on(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    started: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        started.append(command)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(measuring.subprocess, "run", run)
    call = ("bench", "--json", "--only", "pgd*", "--images", "4", "--repeats", "2", "--out", "o")
    monkeypatch.setattr(sys, "argv", ["squeezebench", *call])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    passed = ["--json", "--only", "pgd*", "--images", "4", "--repeats", "2", "--out", "o"]
    assert started == [[sys.executable, "-m", "benchmark.bench", *passed]]


def test_a_table_has_a_column_for_each_access_that_was_used(
    tmp_path: Path, tiny_protocol: Path
) -> None:
    own = protocol_with(tmp_path, tiny_protocol, 'name = "mini-resnet"', 'name = "c"')
    run = example_run()
    asked = replace(run.header.cells[1], name="q", access=Access.QUERY, queries=100)
    outcomes = (*run.outcomes, *(o._replace(cell="q") for o in run.outcomes[:2]))
    with_queries = replace(
        run,
        header=replace(run.header, cells=(*run.header.cells, asked)),
        results=(replace(run.results[0], outcomes=outcomes),),
    )

    def table(*runs: Run, width: int) -> list[str]:
        said = StringIO()
        report.score_tables(Console(file=said, width=width), load(str(own)), runs)
        return [line for line in said.getvalue().splitlines() if "┃" in line or "│" in line]

    (head, row) = table(run, width=120)
    assert "query" not in head
    assert "20.0 [4–62]" in row  # the worst case, with its interval
    head, first, second = table(run, with_queries, width=140)
    columns = [column.strip() for column in head.strip("┃").split("┃")]
    assert columns[2:6] == ["transfer", "query", "white-box", "worst case"]
    assert first.split("│")[4].strip() == "–"
    assert second.split("│")[4].strip() == "100.0 [34–100]"  # of the two images asked about
    assert "[" not in table(with_queries, width=100)[1]


def test_a_narrow_terminal_cuts_no_head(tmp_path: Path, tiny_protocol: Path) -> None:
    own = protocol_with(tmp_path, tiny_protocol, 'name = "mini-resnet"', 'name = "c"')
    said = StringIO()
    report.score_tables(Console(file=said, width=80), load(str(own)), [example_run()])
    (head,) = (line for line in said.getvalue().splitlines() if "┃" in line)
    columns = [column.strip() for column in head.strip("┃").split("┃")]
    assert columns == ["entry", "clean", "transfer", "white-box", "worst case", "bpp"]
    assert max(map(len, said.getvalue().split("raises")[0].splitlines())) <= 80


def test_no_runs_are_said_to_be_none(tmp_path: Path) -> None:
    store = f"{tmp_path / 'a.db'}"
    Store(store, create=True)
    assert succeed("runs", "--db", store) == f"no run is stored in {store}\n"
    assert "no run of x is stored" in succeed("runs", "--db", store, "--protocol", "x")


def test_datasets_and_doctor(tmp_path: Path) -> None:
    environment = {"SQUEEZEBENCH_DATA": str(tmp_path)}
    found = {row["name"]: row for row in json.loads(succeed("datasets", "--json", **environment))}
    assert found["shapes"]["pictures"] == 1000
    assert found["photos"]["problem"] is None
    assert "is not on this machine" in found["imagenette"]["problem"]
    said = succeed("doctor", **environment)
    assert re.search(r"^lacking data +imagenet1k +", said, re.MULTILINE)
    assert re.search(r"^ok +data +data folder +", said, re.MULTILINE)
    assert {row["part"] for row in json.loads(succeed("doctor", "--json"))} >= {"cuda", "disk"}
