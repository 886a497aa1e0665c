"""What a reader in a hurry asks of a board of the codec track."""

from collections.abc import Sequence

from leaderboard.render.answers import least_apart
from leaderboard.render.codec_entry import CodecEntry, codec_order, lost, value
from leaderboard.render.pages import Answer
from leaderboard.render.words import count, threat_in_words


def codec_answers(tiers: Sequence[tuple[int, CodecEntry]]) -> tuple[Answer, ...]:
    """Four answers; none for a board without official entries."""
    entries = [entry for _, entry in tiers]
    if not entries:
        return ()
    return (
        Answer("How much can an attack make it cost?", _cost(entries)),
        Answer("How much worse does the picture get?", _loss(entries)),
        Answer("How sure is that?", _sure(tiers)),
        Answer("Can I trust a row?", _trust(entries)),
    )


def _cost(entries: Sequence[CodecEntry]) -> str:
    known = [entry for entry in entries if codec_order(entry)[0] < float("inf")]
    if not known:
        return "No entry here has a rate under attack."
    least, most = min(known, key=codec_order), max(known, key=codec_order)
    said = [
        f"{one.run.header.entry} {value(worst.inflation, unit='×').value}"
        for one in (most, least)
        if (worst := one.digest.score.at(one.headline))
    ]
    if len(known) == 1:
        return f"At {threat_in_words(entries[0].headline)} {said[0]} the bits, in real bytes."
    return (
        f"At {threat_in_words(entries[0].headline)} the most inflated is {said[0]} the bits, the "
        f"least inflated {said[-1]}, in real bytes."
    )


def _loss(entries: Sequence[CodecEntry]) -> str:
    losses = [
        (worst.psnr_loss.estimate, entry.run.header.entry)
        for entry in entries
        if (worst := entry.digest.score.at(entry.headline)) and worst.psnr_loss
    ]
    if not losses:
        return "No entry here has a PSNR under attack."
    most, least = max(losses), min(losses)
    said = f"{most[1]} {lost(most[0], 1)} of PSNR"
    if len(losses) == 1:
        return f"{said}."
    return f"{said}, which is most; {least[1]} {lost(least[0], 1)}, which is least."


def _sure(tiers: Sequence[tuple[int, CodecEntry]]) -> str:
    images, entries = tiers[0][1].digest.score.images, len(tiers)
    sentence = f"{count(images, 'picture')}, with a bootstrap interval on every mean."
    if entries == 1:
        return sentence
    needed = least_apart(entries)
    if needed > images:
        return (
            f"{sentence} So few cannot tell any two of the {entries} entries apart by rate "
            f"inflation: that takes at least {needed}."
        )
    return f"{sentence} {entries} entries form {count(tiers[-1][0], 'tier')} by rate inflation."


def _trust(entries: Sequence[CodecEntry]) -> str:
    flagged = sum(bool(entry.digest.flags) for entry in entries)
    failed = sum(entry.digest.score.clean.failures.estimate > 0 for entry in entries)
    have = "has" if flagged == 1 else "have"
    rows = count(len(entries), "row")
    flags = f"{flagged} of {rows} {have} a flag" if flagged else "No row has a flag"
    return (
        f"{flags}; {failed} failed to decode some picture that nobody attacked. Rate is that of "
        "real files, decoded again from their bytes alone."
    )
