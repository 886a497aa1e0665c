"""The rows as JSON, as a table and as a plot."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmark.bench.peers import PACKAGES
from benchmark.bench.timing import Row
from benchmark.environment import describe

BAR, GAP, LEFT, SCALE_WIDTH = 16, 6, 330, 420
COLORS = {"fp32": "#5b7fa6", "bf16": "#c2703d"}
STYLE = (
    "text{fill:#17212b}path{stroke:#55606b}"
    "@media(prefers-color-scheme:dark){text{fill:#e4e9ed}path{stroke:#a3aeb8}}"
)
CLOCK_WORDS = {"wall": "the clock", "cpu": "processor time"}
HEAD = (
    "attack",
    "model",
    "images",
    "precision",
    "peer",
    "ours, s",
    "peer, s",
    "ratio",
    "floor / ours",
    "accuracy, ours",
    "accuracy, peer",
    "L2, ours",
    "L2, peer",
)


def machine(device: str, clock: str) -> dict[str, Any]:
    """What the seconds were measured on, and when. No name of the machine."""
    found = describe(device, torch.get_num_threads())
    kept = {key: found[key] for key in ("processor", "cores", "device", "threads", "python")}
    versions = {package: _version(package) for package in ("torch", *PACKAGES.values())}
    return {**kept, "clock": clock, "date": date.today().isoformat(), "versions": versions}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def write(folder: Path, rows: Sequence[Row], measured_on: dict[str, Any]) -> None:
    """`bench.json`, `bench.md` and `bench.svg` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"machine": measured_on, "rows": [asdict(row) for row in rows]}
    (folder / "bench.json").write_text(json.dumps(content, indent=1) + "\n")
    (folder / "bench.md").write_text(table(rows, measured_on))
    (folder / "bench.svg").write_text(plot(rows))


def table(rows: Sequence[Row], measured_on: dict[str, Any]) -> str:
    """The rows in Markdown, under one sentence on the machine."""
    versions = ", ".join(f"{name} {number}" for name, number in measured_on["versions"].items())
    sentence = (
        f"{measured_on['processor']}, {measured_on['threads']} threads, {measured_on['device']}, "
        f"{measured_on['date']}, seconds of {CLOCK_WORDS[measured_on['clock']]}. {versions}."
    )
    lines = [sentence, "", _line(HEAD), _line(["---"] * len(HEAD)), *map(_cells, rows)]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> str:
    return _line(
        (
            row.attack,
            row.model,
            str(row.images),
            row.precision,
            row.peer,
            f"{row.seconds:.2f}",
            f"{row.peer_seconds:.2f}",
            f"{row.ratio:.2f}",
            f"{row.ratio_to_floor:.2f}",
            f"{100 * row.accuracy:.1f}",
            f"{100 * row.peer_accuracy:.1f}",
            "" if row.l2 is None else f"{row.l2:.3f}",
            "" if row.peer_l2 is None else f"{row.peer_l2:.3f}",
        )
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def plot(rows: Sequence[Row]) -> str:
    """Horizontal bars of the ratios, as SVG; the line stands at 1, as fast as the peer."""
    largest = max([1.0, *(row.ratio for row in rows)])
    height = len(rows) * (BAR + GAP) + 2 * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + SCALE_WIDTH + 70} {height}" '
        'font-family="sans-serif" font-size="11" role="img">',
        f"<title>Time of the peer over ours</title><style>{STYLE}</style>",
    ]
    for place, row in enumerate(rows):
        top = GAP + place * (BAR + GAP)
        width = SCALE_WIDTH * row.ratio / largest
        label = escape(f"{row.attack}, {row.model}, {row.precision} / {row.peer}")
        parts += [
            f'<text x="{LEFT - 8}" y="{top + 12}" text-anchor="end">{label}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}" '
            f'fill="{COLORS[row.precision]}"/>',
            f'<text x="{LEFT + width + 5:.1f}" y="{top + 12}">{row.ratio:.1f}</text>',
        ]
    one = LEFT + SCALE_WIDTH / largest
    parts.append(f'<path d="M{one:.1f} 0V{height}" stroke-dasharray="3 3"/></svg>')
    return "\n".join(parts) + "\n"
