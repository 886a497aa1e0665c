"""The rules of the house that a machine can hold: who imports whom, what never meets torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A module may import only from strictly lower floors, or from its own package.
FLOORS = (
    {"benchmark.errors", "benchmark.toml_lines"},
    {"benchmark.threat"},
    {"benchmark.records"},
    {
        "benchmark.tables",
        "benchmark.places",
        "benchmark.environment",
        "benchmark.tensors",
        "benchmark.device_share",
        "benchmark.memory",
        "benchmark.draws",
        "benchmark.bd_rate",
    },
    {"benchmark.fetching", "benchmark.fitting", "benchmark.handed", "benchmark.transfers"},
    {"benchmark.protocol", "benchmark.score", "benchmark.loss", "benchmark.weights"},
    {
        "benchmark.geometry",
        "benchmark.defense",
        "benchmark.datasets",
        "benchmark.metrics",
        "benchmark.contract",
        "benchmark.plan",
        "benchmark.cost",
        "benchmark.comparison",
    },
    {
        "benchmark.classifiers",
        "benchmark.flags",
        "benchmark.gallery",
        "benchmark.gradients",
        "benchmark.replacement",
    },
    {
        "benchmark.attacks",
        "benchmark.attacked",
        "benchmark.batches",
        "benchmark.codecs",
        "benchmark.estimators",
        "benchmark.judge",
        "benchmark.prepare",
        "benchmark.transfer",
    },
    {"benchmark.crafting", "benchmark.probes", "benchmark.codec_track", "benchmark.precision"},
    {"benchmark.history", "benchmark.bench", "benchmark.scoring"},
    {"benchmark.asking"},
    {"benchmark.showing"},
    {"benchmark.api", "benchmark.evaluate", "leaderboard.store", "leaderboard.submission"},
    {"benchmark.challenge", "benchmark.step_times", "leaderboard.sandbox"},
    {
        "leaderboard.engine",
        "leaderboard.render",
        "leaderboard.record",
        "leaderboard.handed_in",
        "leaderboard.codec_report",
    },
    {"leaderboard.export", "leaderboard.evaluation", "leaderboard.doctor", "leaderboard.demo"},
    {"leaderboard.again", "leaderboard.check", "leaderboard.new", "leaderboard.forecast"},
    {"leaderboard.pull", "leaderboard.cluster"},
    {"leaderboard.rehearsal"},
    {"leaderboard.report", "leaderboard.challenge", "leaderboard.bench"},
    {"leaderboard.cli"},
)
FLOOR = {module: number for number, floor in enumerate(FLOORS) for module in floor}
TORCH_FREE = (
    "benchmark.protocol",
    "benchmark.score",
    "benchmark.bd_rate",
    "benchmark.comparison",
    "benchmark.plan",
    "benchmark.cost",
    "benchmark.codec_track.score",
    "benchmark.codec_track.flags",
    "benchmark.records",
    "benchmark.threat",
    "benchmark.errors",
    "leaderboard.store",
    "leaderboard.render.render",
    "leaderboard.cli",
)
TOP_LEVEL = {
    "benchmark",
    "leaderboard",
    "site",
    "submissions",
    "tests",
    "pyproject.toml",
    "requirements.lock",
    "Makefile",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CITATION.cff",
    "LICENSE",
    "NOTICE",
}


def room(module: str) -> str:
    """The module or package that has a floor: the first two names."""
    return ".".join(module.split(".")[:2])


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in {"benchmark", "leaderboard"}:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", modules("benchmark") + modules("leaderboard"), ids=str)
def test_imports_run_downhill(path: Path) -> None:
    relative = path.relative_to(ROOT).with_suffix("")
    module = ".".join(part for part in relative.parts if part != "__init__")
    if "." not in module:
        assert list(imports(path)) == []
        return
    assert room(module) in FLOOR, f"{module} has no floor: give it one above"
    for imported in imports(path):
        if imported.split(".")[0] not in {"benchmark", "leaderboard"}:
            continue
        other = room(imported)
        assert other == room(module) or FLOOR[other] < FLOOR[room(module)], (
            f"{module} imports {imported}, which is not on a lower floor"
        )


@pytest.mark.parametrize("path", modules("submissions"), ids=str)
def test_submissions_import_the_api_alone(path: Path) -> None:
    ours = [name for name in imports(path) if name.split(".")[0] in {"benchmark", "leaderboard"}]
    assert set(ours) <= {"benchmark.api", "benchmark.api.learned"}


@pytest.mark.parametrize("path", modules("benchmark") + modules("leaderboard"), ids=str)
def test_imports_stand_at_the_top(path: Path) -> None:
    """The worker's loader of plugins is the one lazy place, and it uses no import statement."""
    tree = ast.parse(path.read_text())
    nested = [
        inner.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert nested == []


@pytest.mark.parametrize("module", TORCH_FREE)
def test_starts_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_nothing_else_stands_at_the_top() -> None:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], check=True, capture_output=True, text=True
    )
    tops = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {top for top in tops if not top.startswith(".")} <= TOP_LEVEL


def test_files_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in ("benchmark", "leaderboard", "submissions")
        for path in modules(package)
        if (lines := len(path.read_text().splitlines())) > 250
    }
    assert long == {}


def test_the_site_holds_no_python() -> None:
    assert modules("site") == []
