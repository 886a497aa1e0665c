"""Where a figure comes from: code, machine, command, how to cite it."""

import re
from collections.abc import Mapping
from typing import Any

from benchmark.records import Run
from leaderboard.render.about import About
from leaderboard.render.words import MISSING, count
from leaderboard.store.store import COMPLETED

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def provenance(run: Run, seconds: float | None) -> tuple[tuple[str, str], ...]:
    """Name and value of all that a figure depends on; what a run did not note is a dash.

    Of a run without figures, what became of it is left out.
    """
    header = run.header
    machine: Mapping[str, Any] = header.environment
    packages: Mapping[str, Any] = machine.get("packages") or {}
    listed = ", ".join(f"{name} {version}" for name, version in packages.items())
    weights = ", ".join(f"{c.name} {c.identity[:12]}" for c in header.classifiers)
    boxed = machine.get("sandboxed")
    judged = run.status == COMPLETED
    pictures = f"{header.images} of {header.dataset}" + ("" if judged else " asked for")
    made = (
        ("Attacks in", f"{machine.get('crafting', 'fp32')}, judged in fp32"),
        ("Time", MISSING if seconds is None else f"{seconds:.0f} s of one worker"),
    )
    return (
        ("Protocol", f"{header.protocol}, sha256 {header.protocol_hash}"),
        ("Pictures", f"{pictures}; sha256 of the whole set {header.dataset_fingerprint}"),
        ("Submission", f"sha256 {header.submission_hash}"),
        *((("Classifiers", weights),) if weights else ()),
        ("Code", f"commit {machine.get('commit') or 'unknown'}, sha256 {_said(machine, 'code')}"),
        ("Packages", f"Python {_said(machine, 'python')}, {listed or MISSING}"),
        (
            "Machine",
            f"{_said(machine, 'processor')}, {_said(machine, 'device')}, "
            f"{count(machine['threads'], 'thread') if 'threads' in machine else MISSING} a worker",
        ),
        ("Sandbox", "yes" if boxed else "no: the defense ran in the harness's process"),
        ("Seed", _said(header.protocol_content, "seed")),
        ("Started", run.started or MISSING),
        *(made if judged else ()),
    )


def _said(content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    return MISSING if value is None else str(value)


def command(run: Run) -> str:
    """What reproduces the run in a checkout of its commit."""
    header, reason = run.header, run.header.unofficial_reason or ""
    limit = f" --limit {header.images}" if "limited to" in reason else ""
    protocol = header.protocol + (".toml" if "protocol of one's own" in reason else "")
    return (
        f"squeezebench evaluate submissions/{header.submission} --variant {header.variant} "
        f"--protocol {protocol}{limit}"
    )


def bibtex(run: Run, about: About) -> str:
    """An entry for a bibliography: the measurement, and where the method was published."""
    header = run.header
    key = re.sub(r"[^a-z0-9]+", "-", f"{header.submission}-{header.variant}".lower()).strip("-")
    note = f"run {run.id}, protocol {header.protocol}, sha256 {header.protocol_hash[:16]}"
    lines = [
        f"@misc{{squeezebench-{key}-run{run.id},",
        f"  title  = {{{{{_tex(header.title)} ({_tex(header.entry)}) on squeezebench}}}},",
        f"  author = {{{_tex(' and '.join(about.authors) or 'squeezebench')}}},",
        f"  year   = {{{_tex(run.started[:4])}}},",
        f"  note   = {{{_tex(note)}}},",
    ]
    if about.paper:
        lines.append(f"  url    = {{{about.paper}}},")
    return "\n".join([*lines, "}"])


def _tex(text: str) -> str:
    return "".join(SPECIAL.get(letter, letter) for letter in text)
