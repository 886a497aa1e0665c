"""Accuracy over the size of an attack, and over rate, as plots."""

from collections.abc import Sequence

from benchmark.records import Interval
from benchmark.score import Score, mean_share
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.render.axes import Axis
from leaderboard.render.digest import Part
from leaderboard.render.entry import Entry, over_classifiers
from leaderboard.render.figures import Plot, plot
from leaderboard.render.matched import CodecCurve
from leaderboard.render.series import Series
from leaderboard.render.words import percent, threat_in_words

WORDS = (
    (Access.TRANSFER, "transfer"),
    (Access.QUERY, "query"),
    (Access.WHITE_BOX, "white-box"),
    (Access.EOT, "white-box, averaged over draws"),
)
SETTINGS = (
    ("clean", "No attack", "Nothing attacks; what compression alone costs."),
    ("transfer", "The adversary does not know the defense", "Transfer attacks at {size}."),
    ("worst", "The adversary knows the defense", "The worst case over every attack at {size}."),
)
SHOWN = 7
"""Lines a plot of several entries has at most, the best ones."""


def board_plots(best: Sequence[Entry], threat: ThreatModel) -> tuple[Plot, ...]:
    """The first entries of a board: worst case over the size of the attack, a plot a classifier."""
    found = []
    for i, record in enumerate(best[0].run.header.classifiers if best else ()):
        scores = [(e.run.header.entry, e.digest.parts[i].score) for e in best[:SHOWN]]
        lines = [over_eps(name, score, threat.norm, None) for name, score in scores]
        lines = [line for line in lines if len(line.x) > 1]
        if lines:
            first = (
                f"The first {len(lines)} of {len(best)} entries" if len(best) > SHOWN else "Each"
            )
            sentence = f"{first}, right under every attack up to that size; 0 is no attack."
            title = f"Worst case over the size of the attack, {record.name}"
            found.append(plot(title, sentence, Axis(radius_label(threat.norm)), lines))
    return tuple(found)


def rate_plots(curves: Sequence[CodecCurve], threat: ThreatModel) -> tuple[Plot, ...]:
    """Accuracy over bits per pixel in three pictures, the mean of the board's classifiers."""
    shown = curves[:SHOWN]
    if not shown:
        return ()
    size = threat_in_words(threat)
    return tuple(
        plot(
            title,
            sentence.format(size=size),
            Axis("bits per pixel, real bytes", log=True),
            [_over_rate(curve, field) for curve in shown],
        )
        for field, title, sentence in SETTINGS
    )


def rate_plot(curve: CodecCurve, threat: ThreatModel) -> Plot:
    """One codec's own settings: no attack, transfer and worst case in one picture."""
    names = {"clean": "no attack", "transfer": "transfer", "worst": "worst case"}
    return plot(
        f"{curve.name}: accuracy over rate",
        f"Each point is a setting of {curve.name}; attacks at {threat_in_words(threat)}; the mean "
        "of the board's classifiers.",
        Axis("bits per pixel, real bytes", log=True),
        [_over_rate(curve, field, names[field]) for field, _, _ in SETTINGS],
    )


def entry_plots(part: Part, threat: ThreatModel) -> tuple[Plot, ...]:
    """One entry before one classifier: under every access, and along every gradient."""
    score = part.score
    lines = [over_eps(words, score, threat.norm, access) for access, words in WORDS]
    lines.append(over_eps("worst case", score, threat.norm, None))
    lines = [line for line in lines if len(line.x) > 1]
    if not lines:
        return ()
    found = score.at(threat)
    sentence = (
        f"{percent(score.clean).value} % right without attack, "
        f"{percent(found.worst if found else None).value} % under every attack at "
        f"{threat_in_words(threat)}. Marks were measured; the lines only join them."
    )
    axis = Axis(radius_label(threat.norm))
    by_access = plot(f"By what the adversary knows, {score.classifier}", sentence, axis, lines)
    gradients = _by_gradient(part, threat.norm)
    if len(gradients) < 2:
        return (by_access,)
    ends = {line.name: line.y[-1] for line in gradients}
    best = min(ends, key=ends.__getitem__)
    sentence = (
        f"White-box attacks alone, by the gradient they follow: at the largest size {best} leaves "
        f"least, {100 * ends[best]:.1f} %. An evaluation with one gradient shows one line."
    )
    return (by_access, plot(f"By gradient, {score.classifier}", sentence, axis, gradients))


def _by_gradient(part: Part, norm: Norm) -> list[Series]:
    lines = []
    for name in dict.fromkeys(one.estimator for one in part.estimators):
        points = [(0.0, part.score.clean)]
        points += [
            (one.threat.radius, one.accuracy)
            for one in part.estimators
            if one.estimator == name and one.threat.norm is norm
        ]
        if len(points) > 1:
            lines.append(_series(name, points))
    return lines


def over_eps(name: str, score: Score, norm: Norm, access: Access | None) -> Series:
    """Accuracy from no attack (0) over the radii of `norm`; worst case if `access` is None."""
    points = [(0.0, score.clean)]
    for found in score.robustness:
        shown = found.worst if access is None else found.by_access.get(access)
        if found.threat.norm is norm and shown is not None:
            points.append((found.threat.radius, shown))
    return _series(name, points)


def _series(name: str, points: Sequence[tuple[float, Interval]]) -> Series:
    return Series(
        name=name,
        x=tuple(x for x, _ in points),
        y=tuple(y.estimate for _, y in points),
        low=tuple(y.low for _, y in points),
        high=tuple(y.high for _, y in points),
    )


def _over_rate(curve: CodecCurve, field: str, name: str = "") -> Series:
    points = [
        (rate, mean_share(over_classifiers(entry, field).tolist()))
        for rate, entry in zip(curve.rates, curve.entries, strict=True)
    ]
    labels = tuple(entry.run.header.variant for entry in curve.entries)
    line = _series(name or curve.name, points)
    return Series(line.name, line.x, line.y, line.low, line.high, labels)


def radius_label(norm: Norm) -> str:
    """What the axis of attacks' sizes is labelled."""
    return "largest change of a color value, in 1/255" if norm is Norm.LINF else "L2 radius"
