"""A report for people: on a terminal, and as the comment that a pull request gets."""

import re
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from leaderboard.check.findings import Finding, Level, Report

MARKS = {
    Level.OK: ("ok", "green"),
    Level.NOTE: ("note", "cyan"),
    Level.WARNING: ("warning", "yellow"),
    Level.ERROR: ("error", "bold red"),
}
MARKER = "<!-- squeezebench check -->"
"""The first line of the comment, by which it is found again."""
LARGEST_COMMENT = 60_000
"""GitHub takes 65,536 characters."""


def show(console: Console, report: Report) -> None:
    """Print the report, what is wrong last, where it is read."""
    order = list(Level)
    for finding in sorted(report.findings, key=lambda one: order.index(one.level)):
        word, style = MARKS[finding.level]
        place = f"{finding.place}: " if finding.place else ""
        # `Text` is printed as it is; markup in a stranger's text does nothing.
        console.print(
            Text.assemble((f"{word:8}", style), f"{finding.part:14}", place, finding.says),
            soft_wrap=True,
        )
    console.print(Text(f"{report.submission}: {verdict(report)}"), soft_wrap=True)


def verdict(report: Report) -> str:
    """One sentence."""
    errors = sum(finding.level == Level.ERROR for finding in report.findings)
    warnings = sum(finding.level == Level.WARNING for finding in report.findings)
    said = f"{errors} to correct" if errors else "nothing to correct"
    return said + (f", {warnings} to look at" if warnings else "")


def code(text: str) -> str:
    """A stranger's text as Markdown code: no link, no mention, no tag in it does anything."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if line else "` `"


def markdown(report: Report, *, reported: Report | None = None) -> str:
    """The comment. `reported` is what the pull request's own run says of its code."""
    lines = [MARKER, f"### Check of {code(report.submission)}: {verdict(report)}", ""]
    lines += _listed(report.findings)
    if reported is not None:
        lines += [
            "",
            f"#### In the sandbox, by the pull request's own run: {verdict(reported)}",
            "",
        ]
        lines += _listed(reported.findings)
    lines += [
        "",
        "Run the same with `squeezebench check submissions/NAME`. A maintainer starts the "
        "evaluation; a figure counts only then.",
    ]
    text = "\n".join(lines) + "\n"
    if len(text) <= LARGEST_COMMENT:
        return text
    return text[:LARGEST_COMMENT].rsplit("\n", 1)[0] + "\n\n(The rest did not fit.)\n"


def _listed(findings: Sequence[Finding]) -> list[str]:
    order = list(reversed(Level))
    lines = []
    ranked = sorted(findings, key=lambda one: order.index(one.level))
    for level, group in groupby(ranked, key=lambda one: one.level):
        if level is Level.OK:
            parts = sorted({finding.part for finding in group})
            lines.append(f"* ok: {', '.join(code(part) for part in parts)}")
            continue
        for finding in group:
            place = f"{code(finding.place)} " if finding.place else ""
            lines.append(f"* **{MARKS[level][0]}** {place}{code(finding.says)}")
    return lines
