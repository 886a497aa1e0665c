"""Boards of the codec track, and an entry on one."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.codec_track.flags import CODEC_FLAGS
from benchmark.codec_track.score import CodecCellScore
from benchmark.records import CLEAN, Run
from benchmark.threat import Norm, ThreatModel
from leaderboard.render.codec_answers import codec_answers
from leaderboard.render.codec_entry import (
    CodecEntry,
    codec_order,
    codec_ranked,
    lost,
    plain,
    value,
)
from leaderboard.render.codec_pages import (
    BdRow,
    CodecBoardPage,
    CodecCellRow,
    CodecOnBoard,
    CodecRow,
)
from leaderboard.render.codec_plots import (
    attack_of,
    attacked_curves,
    families,
    histograms,
    moved,
    rd_plot,
)
from leaderboard.render.gallery import codec_slides
from leaderboard.render.heads import (
    Group,
    board_head,
    by_slug,
    head_of,
    history,
    newest_of,
    row_head,
    status_row,
)
from leaderboard.render.pages import FlagShown, FlagText
from leaderboard.render.presets import presets
from leaderboard.render.words import (
    MISSING,
    NOTHING,
    Figure,
    access_in_words,
    entry_slug,
    percent,
    rate,
    signed,
    threat_in_words,
)

DRAWN = 4
"""Codecs whose curves a board draws."""


@dataclass(frozen=True)
class CodecBoard(Group[CodecEntry]):
    """A board of the codec track with what other pages need of it."""

    page: CodecBoardPage


def codec_flag_texts() -> tuple[FlagText, ...]:
    """Every flag of the track."""
    return tuple(FlagText(name, flag.raised_if, flag.means) for name, flag in CODEC_FLAGS.items())


def codec_board(entries: Sequence[CodecEntry], unfinished: Sequence[Run]) -> CodecBoard:
    """The board of runs that share protocol and pictures; the newest run of each entry counts."""
    runs = by_slug(entries)
    newest = newest_of(runs).values()
    tiers = codec_ranked([entry for entry in newest if entry.run.header.official])
    unofficial = sorted((e for e in newest if not e.run.header.official), key=codec_order)
    best = [entry for _, entry in tiers] or unofficial
    groups = families(best)
    plots = [rd_plot(name, group) for name, group in groups.items() if len(group) > 1]
    plots = [moved(best), *plots[:DRAWN]]
    images = max(entry.digest.score.images for entry in entries)
    rows = tuple(codec_row(entry, f"{tier}") for tier, entry in tiers)
    page = CodecBoardPage(
        **vars(board_head(best[0], images)),
        rows=rows,
        unofficial=tuple(codec_row(entry, "") for entry in unofficial),
        unfinished=tuple(status_row(run) for run in unfinished),
        answers=codec_answers(tiers),
        presets=presets(rows),
        bd_rates=tuple(row for name, group in groups.items() for row in _bd_rates(name, group)),
        plots=tuple(one for one in plots if one),
    )
    return CodecBoard(tuple(tiers), runs, page)


def codec_row(entry: CodecEntry, tier: str) -> CodecRow:
    """The row of a run."""
    score = entry.digest.score
    worst = score.at(entry.headline)
    return CodecRow(
        **vars(row_head(entry, tier)),
        inflation=inflation(entry),
        psnr_loss=value(worst.psnr_loss) if worst else NOTHING,
        psnr_loss_percent=value(worst.psnr_loss_percent, 1) if worst else NOTHING,
        rate=rate(score.clean.quality.bits_per_pixel),
        psnr=value(score.clean.quality.psnr, 1),
        failures=percent(worst.failures if worst else score.clean.failures),
        encode=plain(score.encode_milliseconds),
        decode=plain(score.decode_milliseconds),
    )


def _bd_rates(name: str, group: Sequence[CodecEntry]) -> list[BdRow]:
    if len(group) < 2:
        return []
    settings = ", ".join(entry.run.header.variant for entry in group)
    return [
        BdRow(
            codec=name,
            settings=settings,
            attack=attack_of(group[0], curve.cell),
            bd_rate=NOTHING
            if curve.bd_rate is None
            else Figure(signed(f"{curve.bd_rate:+.1f}"), "", f"{curve.bd_rate:.4f}"),
            reason=curve.reason,
        )
        for curve in attacked_curves(group)
        if curve.cell != CLEAN
    ]


def codec_on_board(board: CodecBoard, slug: str) -> CodecOnBoard:
    """An entry's newest run on a board."""
    return codec_run(board, board.newest[slug])


def codec_run(board: CodecBoard, entry: CodecEntry) -> CodecOnBoard:
    """Any run of a board."""
    row = codec_row(entry, board.tier(entry))
    name = entry.run.header.submission
    own = families([one for one in board.newest.values() if one.run.header.submission == name])
    curve = rd_plot(name, own[name])
    return CodecOnBoard(
        board=head_of(board.page),
        run_id=entry.run.id,
        row=row,
        sentence=(
            f"In the worst case at {board.page.threat} a picture takes {row.inflation.value} the "
            f"bits ({row.inflation.bounds}) and {_loss(entry, row.psnr_loss)}, each under the "
            "attack that does most."
        ),
        figures=_figures(entry),
        flags=tuple(
            FlagShown(flag.name, "", flag.evidence, CODEC_FLAGS[flag.name].means)
            for flag in entry.digest.flags
        ),
        cells=tuple(_cell(one) for one in entry.digest.score.cells),
        plots=tuple(one for one in (curve, *histograms(entry)) if one),
        gallery=codec_slides(entry),
        history=history(board.by_slug[entry_slug(entry.run)], inflation),
        draws=entry.digest.score.draws,
    )


def _loss(entry: CodecEntry, shown: Figure) -> str:
    worst = entry.digest.score.at(entry.headline)
    if not (worst and worst.psnr_loss):
        return "its PSNR is not known"
    return f"{lost(worst.psnr_loss.estimate, 2)} of PSNR (loss {shown.bounds})"


def inflation(entry: CodecEntry) -> Figure:
    """The rate inflation of the worst case at the headline."""
    worst = entry.digest.score.at(entry.headline)
    return value(worst.inflation, unit="×") if worst else NOTHING


def _figures(entry: CodecEntry) -> tuple[tuple[str, Figure], ...]:
    score = entry.digest.score
    worst, clean = score.at(entry.headline), score.clean.quality
    shown = (
        ("Rate inflation", inflation(entry)),
        ("PSNR loss, dB", value(worst.psnr_loss) if worst else NOTHING),
        ("PSNR loss, %", value(worst.psnr_loss_percent, 1) if worst else NOTHING),
        ("Clean bits per pixel", rate(clean.bits_per_pixel)),
        ("Clean PSNR, dB", value(clean.psnr, 1)),
        ("Clean MS-SSIM", value(clean.ms_ssim, 3)),
        ("Clean LPIPS", value(clean.lpips, 3)),
        ("Decode failures, %", percent(worst.failures if worst else score.clean.failures)),
        ("Encode, ms", plain(score.encode_milliseconds)),
        ("Decode, ms", plain(score.decode_milliseconds)),
    )
    return tuple((name, figure) for name, figure in shown if figure.value != MISSING)


def _cell(found: CodecCellScore) -> CodecCellRow:
    cell, damage = found.cell, found.damage
    steps = "" if cell.access == "noise" else f", {cell.steps or 1} steps"
    draws = f", {cell.draws} draws a step" if (cell.draws or 1) > 1 else ""
    images = f", first {cell.images} pictures" if cell.images else ""
    return CodecCellRow(
        access=access_in_words(cell),
        attack=f"{cell.attack}{steps}{draws}{images}",
        objective=cell.objective or "",
        budget=threat_in_words(ThreatModel(Norm(cell.norm or ""), cell.radius or 0)),
        inflation=value(damage.inflation, unit="×"),
        psnr_loss=value(damage.psnr_loss),
        ms_ssim_loss=value(damage.ms_ssim_loss, 3),
        lpips_gain=value(damage.lpips_gain, 3),
        input_psnr=plain(found.input_psnr),
        failures=percent(found.failures),
    )
