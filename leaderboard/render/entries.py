"""The page of one run: scores, every attack alone, provenance."""

from benchmark.records import Run
from benchmark.score import Score
from benchmark.threat import Norm, ThreatModel
from leaderboard.render.curves import entry_plots
from leaderboard.render.pages import (
    BoardPage,
    CellRow,
    EntrySection,
    RunPage,
    Scored,
    percent,
    protocol_of,
    row_of,
    slug_of,
    threat_in_words,
)


def run_page(one: Scored, board: BoardPage) -> RunPage:
    """The page of one run."""
    header = one.run.header
    threat = protocol_of(one.run).headline_threat
    described = ", ".join(f"{name} = {value}" for name, value in header.parameters.items())
    return RunPage(
        run_id=one.run.id,
        slug=slug_of(one.run),
        entry=header.entry,
        title=header.title,
        kind=header.kind,
        parameters=described or "none",
        board=board,
        status=one.run.status,
        unofficial_reason=header.unofficial_reason or "",
        sections=tuple(
            EntrySection(
                classifier=score.classifier,
                row=row_of(one, i, threat),
                plots=entry_plots(score, threat),
                cells=tuple(_cell_cell_row(score, j) for j in range(len(score.cells))),
            )
            for i, score in enumerate(one.scores)
        ),
        provenance=_provenance(one.run),
        command=_command(one.run),
    )


def _cell_cell_row(score: Score, j: int) -> CellRow:
    found = score.cells[j]
    cell = found.cell
    threat = ThreatModel(Norm(cell.norm or ""), cell.radius or 0)
    effort = f"{cell.attack}, {cell.steps} steps"
    if (cell.restarts or 1) > 1:
        effort += f", {cell.restarts} starts"
    return CellRow(
        access=cell.access.value,
        attack=effort,
        budget=threat_in_words(threat),
        gradient=cell.estimator or "",
        accuracy=percent(found.accuracy),
        steps=f"{found.gradient_steps:.1f}",
    )


def _provenance(run: Run) -> tuple[tuple[str, str], ...]:
    header, machine = run.header, run.header.environment
    seconds = sum(result.seconds for result in run.results)
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    weights = ", ".join(f"{c.name} {c.identity[:12]}" for c in header.classifiers)
    return (
        ("Protocol", f"{header.protocol}, sha256 {header.protocol_hash}"),
        ("Pictures", f"{header.images} of {header.dataset}, sha256 {header.dataset_fingerprint}"),
        ("Submission", f"sha256 {header.submission_hash}"),
        ("Classifiers", weights),
        ("Code", f"commit {machine['commit'] or 'unknown'}, sha256 {machine['code'][:12]}"),
        ("Packages", f"Python {machine['python']}, {packages}"),
        ("Machine", f"{machine['processor']}, {machine['device']}, {machine['threads']} thread(s)"),
        (
            "Sandbox",
            "yes" if machine["sandboxed"] else "no: the defense ran in the harness's process",
        ),
        ("Seed", str(header.protocol_content["seed"])),
        ("Started", run.started),
        ("Time", f"{seconds:.0f} s of one worker"),
    )


def _command(run: Run) -> str:
    header, reason = run.header, run.header.unofficial_reason or ""
    limit = f" --limit {header.images}" if "limited to" in reason else ""
    protocol = header.protocol + (".toml" if "protocol of one's own" in reason else "")
    return (
        f"squeezebench evaluate submissions/{header.submission} --variant {header.variant} "
        f"--protocol {protocol}{limit}"
    )
