"""An entry before one classifier: its figures, its plots, every attack alone."""

from benchmark.flags import FLAGS
from benchmark.records import Cell
from benchmark.score import CellScore, Score
from benchmark.threat import Norm, ThreatModel
from leaderboard.render.curves import entry_plots
from leaderboard.render.digest import Challenged
from leaderboard.render.entry import Entry
from leaderboard.render.pages import CellRow, ChallengeRow, EntryPart, FlagShown, FlagText
from leaderboard.render.words import (
    ACCESSES,
    Figure,
    access_in_words,
    milliseconds,
    percent,
    rate,
    threat_in_words,
)


def flag_texts() -> tuple[FlagText, ...]:
    """Every flag there is."""
    return tuple(FlagText(name, flag.raised_if, flag.means) for name, flag in FLAGS.items())


def flags_of(entry: Entry) -> tuple[FlagShown, ...]:
    """The flags that a run raised, with their evidence."""
    return tuple(
        FlagShown(flag.name, part.score.classifier, flag.evidence, FLAGS[flag.name].means)
        for part in entry.digest.parts
        for flag in part.flags
    )


def entry_part(entry: Entry, i: int, *, drawn: bool = True) -> EntryPart:
    """The run before its classifier number `i`, with its plots if they are to be `drawn`."""
    part, threat = entry.digest.parts[i], entry.headline
    return EntryPart(
        classifier=part.score.classifier,
        figures=figures(part.score, threat),
        draws=part.draws,
        challenges=tuple(_challenge(challenge) for challenge in part.challenges),
        plots=entry_plots(part, threat) if drawn else (),
        cells=tuple(_cell_row(found) for found in part.score.cells),
    )


def figures(score: Score, threat: ThreatModel) -> tuple[tuple[str, Figure], ...]:
    """Every figure of a score with its name."""
    found = score.at(threat)
    by_access = found.by_access if found else {}
    named = [("Clean", percent(score.clean))]
    named += [
        (words, percent(by_access[access]))
        for access, words in ACCESSES.items()
        if access in by_access
    ]
    named.append(("Worst case", percent(found.worst if found else None)))
    if found and found.challenged:
        named.append(("After challenges", percent(found.challenged)))
    named.append(("Attack success", percent(found.success if found else None)))
    if score.clean_any_draw is not None:
        named.append(("Wrong in any draw, clean", percent(score.clean_any_draw)))
        named.append(("Wrong in any draw, attacked", percent(found.any_draw if found else None)))
    named.append(("Bits per pixel", rate(score.bits_per_pixel)))
    named.append(("ms per image", milliseconds(score.milliseconds)))
    return tuple(named)


def _challenge(challenge: Challenged) -> ChallengeRow:
    outside = f", {challenge.outside} outside of the ball" if challenge.outside else ""
    return ChallengeRow(
        at=challenge.at,
        by=challenge.by or "not said",
        budget=threat_in_words(challenge.threat),
        broken=f"{challenge.broken} of {challenge.handed_in} pictures misclassified{outside}",
        sha256=challenge.sha256,
    )


def _cell_row(found: CellScore) -> CellRow:
    cell = found.cell
    return CellRow(
        access=access_in_words(cell),
        attack=attack_in_words(cell),
        budget=threat_in_words(ThreatModel(Norm(cell.norm or ""), cell.radius or 0)),
        gradient=cell.estimator or "",
        accuracy=percent(found.accuracy),
        steps=f"{found.gradient_steps:.1f}",
        queries=f"{found.queries:.1f}",
    )


def attack_in_words(cell: Cell) -> str:
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
