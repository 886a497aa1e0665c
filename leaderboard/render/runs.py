"""The page of one run, whatever came of it."""

from benchmark.records import Run
from leaderboard.render.entry import Entry
from leaderboard.render.pages import EntryPart, RunPage
from leaderboard.render.parts import entry_part, flags_of
from leaderboard.render.provenance import command, provenance
from leaderboard.render.words import Figure, board_slug, entry_slug, percent, threat_in_words


def run_page(run: Run, entry: Entry | None, why: str = "") -> RunPage:
    """`entry` is the run with its digest; without one, `why` says why there are no figures."""
    header = run.header
    return RunPage(
        run_id=run.id,
        entry=header.entry,
        entry_link=f"entries/{entry_slug(run)}.html",
        title=header.title,
        status=run.status,
        detail=why or run.detail,
        unofficial_reason=header.unofficial_reason or "",
        board_slug=board_slug(run) if entry else "",
        board_title=entry.protocol.title if entry else "",
        protocol=header.protocol,
        figures=_by_radius(entry) if entry else (),
        flags=flags_of(entry) if entry else (),
        parts=_parts(entry) if entry else (),
        provenance=provenance(run, entry.digest.seconds if entry else None),
        command=command(run),
    )


def _parts(entry: Entry) -> tuple[EntryPart, ...]:
    return tuple(entry_part(entry, i, drawn=False) for i in range(len(entry.digest.parts)))


def _by_radius(entry: Entry) -> tuple[tuple[str, str, str, Figure, Figure], ...]:
    """Worst case and attack success at every threat model."""
    return tuple(
        (
            part.score.classifier,
            threat_in_words(found.threat),
            "headline" if found.threat == entry.headline else "",
            percent(found.worst),
            percent(found.success),
        )
        for part in entry.digest.parts
        for found in part.score.robustness
    )
