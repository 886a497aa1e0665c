"""Plots as plotly.js draws them when a reader asks for zoom and hover."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from leaderboard.render.axes import Axis, Values
from leaderboard.render.series import DASHES, MARKERS, STYLES, Series, dash, marker, rows

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#6b6b6b", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette without its pale yellow; the style sheet's colors are close to it."""
PLOTLY_DASHES = ("solid", "dash", "dot", "dashdot")


def interactive(title: str, axis: Axis, series: Sequence[Series], values: Values) -> str:
    """The figure as plotly describes it, as JSON that may stand in a page."""
    styles = [_style(i % (STYLES * len(DASHES)), values) for i in range(len(series))]
    traces = [style | _points(s, values) for style, s in zip(styles, series, strict=True)]
    figure = {"data": traces, "layout": _layout(axis, values) | {"meta": title}}
    return json.dumps(figure, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")


def _points(s: Series, values: Values) -> dict[str, Any]:
    unit = 100 if values.share else 1
    bounds = zip(s.low, s.y, s.high, strict=True) if s.low else ()
    errors = [(round(unit * (y - low), 3), round(unit * (high - y), 3)) for low, y, high in bounds]
    return {
        "name": s.name,
        "mode": "lines" if s.outline else "lines+markers",
        "x": list(s.x),
        "y": [round(unit * y, 3) for y in s.y],
        "text": [row[0] for row in rows(s, values)],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "arrayminus": [below for below, _ in errors],
            "array": [above for _, above in errors],
            "thickness": 1,
        },
    }


# Plotly's own objects check what they are given, and take their time; one of each kind is enough.
@lru_cache
def _style(i: int, values: Values) -> dict[str, Any]:
    unit = "%{y:.1f} %" if values.share else "%{y:.4g}"
    trace = go.Scatter(
        hovertemplate=f"%{{text}}<br>%{{x:.4g}}: {unit}<extra></extra>",
        line={
            "color": COLORS[i % STYLES],
            "dash": PLOTLY_DASHES[dash(i)],
        },
        marker={"symbol": list(MARKERS)[marker(i)], "size": 8},
    )
    return dict(trace.to_plotly_json())


@lru_cache
def _layout(axis: Axis, values: Values) -> dict[str, Any]:
    layout = go.Layout(
        xaxis={"title": {"text": axis.title}, "type": "log" if axis.log else "linear"},
        yaxis={"title": {"text": f"{values.label} in %" if values.share else values.label}}
        | ({"range": [-2, 102]} if values.share else {}),
        hovermode="closest",
        legend={"orientation": "h", "y": -0.25},
        margin={"l": 56, "r": 16, "t": 16, "b": 56},
    )
    return dict(layout.to_plotly_json())
