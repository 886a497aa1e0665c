"""What a reader in a hurry asks of a board, answered from its figures."""

from collections.abc import Sequence

from benchmark.comparison import ALPHA
from benchmark.score import wilson
from leaderboard.render.entry import Entry, mean_figure, over_classifiers
from leaderboard.render.matched import CodecCurve
from leaderboard.render.pages import Answer
from leaderboard.render.words import count, listed, percent, threat_in_words

SMALL = 0.05
"""A worst case up to this share is called no defense."""
NAMED = 3


def answers(tiers: Sequence[tuple[int, Entry]], curves: Sequence[CodecCurve]) -> tuple[Answer, ...]:
    """Four answers; none for a board without official entries."""
    if not tiers:
        return ()
    return (
        Answer("Which compression defends?", _which(tiers)),
        Answer("At which rate?", _rate(tiers, curves)),
        Answer("How sure is that?", _sure(tiers)),
        Answer("Can I trust a row?", _trust([entry for _, entry in tiers])),
    )


def _which(tiers: Sequence[tuple[int, Entry]]) -> str:
    tiers = [(tier, e) for tier, e in tiers if e.bits_per_pixel or e.run.header.kind == "codec"]
    if not tiers:
        return "No entry here is a codec."
    first, best = tiers[0]
    figure, size = mean_figure(best, "worst"), threat_in_words(best.headline)
    shown, name = percent(figure), best.run.header.entry
    if figure.estimate <= SMALL:
        known = max((entry for _, entry in tiers), key=_after_transfer)
        if len(tiers) == 1:
            return (
                f"The only codec does not, against an adversary who knows it: at {size} {name} "
                f"keeps {shown.value} % ({shown.bounds}) of the pictures right under every attack, "
                f"{100 * _after_transfer(known):.0f} % against one who does not know it."
            )
        most = f"the best, {name}, keeps" if figure.estimate else "each keeps"
        return (
            f"None of these, against an adversary who knows it: at {size} {most} {shown.value} % "
            f"({shown.bounds}) of the pictures right under every attack. Against one who does not "
            f"know it, {known.run.header.entry} keeps {100 * _after_transfer(known):.0f} %."
        )
    others = [e.run.header.entry for tier, e in tiers[1:] if tier == first]
    beside = f", and {_named(others)} cannot be told apart from it" if others else ""
    return (
        f"{name} keeps {shown.value} % ({shown.bounds}) of the pictures right under every attack "
        f"at {size}{beside}."
    )


def _named(names: list[str]) -> str:
    if len(names) <= NAMED:
        return listed(names)
    return f"{', '.join(names[:2])} and {len(names) - 2} more"


def _after_transfer(entry: Entry) -> float:
    return float(over_classifiers(entry, "transfer").mean())


def _rate(tiers: Sequence[tuple[int, Entry]], curves: Sequence[CodecCurve]) -> str:
    coded = [(tier, e, bits) for tier, e in tiers if (bits := e.bits_per_pixel)]
    if not coded:
        return "No entry here has a bitstream, so none has a rate."
    if mean_figure(coded[0][1], "worst").estimate <= SMALL:
        low, high = (f"{one(bits for _, _, bits in coded):.2f}" for one in (min, max))
        reach = low if low == high else f"from {low} to {high}"
        said = f"At none of those run, {reach} bits per pixel in real bytes."
    else:
        first = coded[0][0]
        cheapest = min((bits, e.run.header.entry) for tier, e, bits in coded if tier == first)
        said = (
            f"Of {count(len(coded), 'entry')} with a bitstream, the cheapest in their best tier "
            f"({first}) is {cheapest[1]}, at {cheapest[0]:.2f} bits per pixel in real bytes."
        )
    reach = f"{curves[0].name} was run at {count(len(curves[0].entries), 'setting')}"
    return f"{said} {reach}; the board has every codec's curve."


def _sure(tiers: Sequence[tuple[int, Entry]]) -> str:
    n = len(tiers[0][1].images)
    half = wilson(n / 2, n)
    sentence = (
        f"{count(n, 'picture')}: a figure near 50 % is known to ± "
        f"{100 * (half.high - half.low) / 2:.0f} points (95 %)."
    )
    if len(tiers) == 1:
        return sentence
    needed = least_apart(len(tiers))
    if needed > n:
        return (
            f"{sentence} So few cannot tell any two of the {len(tiers)} entries apart: that takes "
            f"at least {needed} which stand under one of them alone."
        )
    told = f"they form {count(tiers[-1][0], 'tier')}"
    return (
        f"{sentence} Two of the {len(tiers)} entries are told apart when at least {needed} "
        f"pictures stand under one of them alone; {told}."
    )


def least_apart(entries: int) -> int:
    """How many pictures must speak for one of two entries, and none against, to tell them apart.

    All pairs of a board are tested at once, so the more entries, the more pictures.
    """
    pairs = entries * (entries - 1) // 2
    return next(k for k in range(2, 200) if 2 ** (1 - k) <= ALPHA / pairs)


def _trust(entries: Sequence[Entry]) -> str:
    flagged = sum(any(part.flags for part in entry.digest.parts) for entry in entries)
    boxed = sum(bool(entry.run.header.environment.get("sandboxed")) for entry in entries)
    flags = (
        "No row carries a flag"
        if not flagged
        else f"{flagged} of {count(len(entries), 'row')} carry a flag, a sign that a figure may be "
        "wrong"
        if flagged > 1
        else f"1 of {count(len(entries), 'row')} carries a flag, a sign that a figure may be wrong"
    )
    return (
        f"{flags}. {boxed} of {len(entries)} ran in the sandbox. Every row links its run: "
        "each picture's outcome, code, machine, seed, and the command that repeats it."
    )
