"""The page of one run: scores, every attack alone, provenance."""

from benchmark.records import Cell, Challenge, Run
from benchmark.score import CellScore, Score
from benchmark.threat import Norm, ThreatModel
from leaderboard.render.curves import entry_plots
from leaderboard.render.pages import (
    MISSING,
    BoardPage,
    CellRow,
    ChallengeRow,
    EntrySection,
    Figure,
    RunPage,
    Scored,
    columns_of,
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
        sections=tuple(_section(one, i, threat) for i in range(len(header.classifiers))),
        provenance=_provenance(one.run),
        command=_command(one.run),
    )


def _section(one: Scored, i: int, threat: ThreatModel) -> EntrySection:
    score, row = one.scores[i], row_of(one, i, threat)
    outcomes = (o for o in one.run.outcomes if o.classifier == score.classifier)
    return EntrySection(
        classifier=score.classifier,
        figures=(
            ("Clean", row.clean),
            *((name, row.by_access[name]) for name in columns_of([row])),
            ("Worst case", row.worst),
            *((("After challenges", row.challenged),) if row.challenged.value != MISSING else ()),
            ("Attack success", row.success),
            *_any_draw(score, threat),
            ("Bits per pixel", row.rate),
            ("ms per image", Figure(row.milliseconds, "")),
        ),
        draws=max((outcome.draws for outcome in outcomes), default=1),
        flags=row.flags,
        challenges=tuple(
            _challenge_row(challenge)
            for challenge in one.run.challenges
            if challenge.classifier == score.classifier
        ),
        plots=entry_plots(score, threat),
        cells=tuple(_cell_row(found) for found in score.cells),
    )


def _challenge_row(challenge: Challenge) -> ChallengeRow:
    broken = sum(not outcome.correct for outcome in challenge.outcomes)
    outside = f", {len(challenge.outside)} outside of the ball" if challenge.outside else ""
    return ChallengeRow(
        at=challenge.at,
        by=challenge.by or "not said",
        budget=threat_in_words(challenge.threat),
        broken=f"{broken} of {len(challenge.outcomes)} pictures misclassified{outside}",
        sha256=challenge.sha256,
    )


def _any_draw(score: Score, threat: ThreatModel) -> tuple[tuple[str, Figure], ...]:
    """Of a randomized defense, the pictures that are wrong in some draw."""
    if score.clean_any_draw is None:
        return ()
    found = score.at(threat)
    return (
        ("Wrong in any draw, clean", percent(score.clean_any_draw)),
        ("Wrong in any draw, attacked", percent(found.any_draw if found else None)),
    )


def _cell_row(found: CellScore) -> CellRow:
    cell = found.cell
    return CellRow(
        access=cell.access.value,
        attack=_attack_in_words(cell),
        budget=threat_in_words(ThreatModel(Norm(cell.norm or ""), cell.radius or 0)),
        gradient=cell.estimator or "",
        accuracy=percent(found.accuracy),
        steps=f"{found.gradient_steps:.1f}",
        queries=f"{found.queries:.1f}",
    )


def _attack_in_words(cell: Cell) -> str:
    """An attack with all that it may spend: `pgd, 10 steps, 2 starts, norm=inf`."""
    steps = cell.steps or 1
    said = [cell.attack or ""]
    if cell.queries:
        said.append(f"{cell.queries} queries")
    else:
        said.append(f"{steps} step" + ("s" if steps > 1 else ""))
    if (cell.restarts or 1) > 1:
        said.append(f"{cell.restarts} starts")
    if (cell.draws or 1) > 1:
        said.append(f"{cell.draws} draws a step")
    said += [option.replace("=", " = ") for option in cell.options.split(",") if option]
    if cell.images:
        said.append(f"first {cell.images} pictures")
    if cell.rest:
        said.append("of what was left")
    if cell.check:
        said.append("a check for the flags")
    return ", ".join(said)


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
        ("Attacks in", f"{machine.get('crafting', 'fp32')}, judged in fp32"),
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
