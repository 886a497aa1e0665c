"""The gallery of an entry: the pictures that its newest run kept, in rows of tiles."""

import hashlib
from collections.abc import Callable, Iterator

from benchmark.records import Cell
from benchmark.threat import LEVELS
from leaderboard.render.codec_entry import CodecEntry, plain
from leaderboard.render.entry import Entry
from leaderboard.render.pages import Slide, Tile
from leaderboard.render.parts import attack_in_words
from leaderboard.render.scenes import File, Shot
from leaderboard.render.words import aim_in_words

REACH = 127
"""What the largest change of a picture is amplified to, in grey levels."""

Said = Callable[[Shot, Shot], str]
"""What is said of an image under a cell, `(shot, clean) -> words`."""


def slides(entry: Entry) -> tuple[Slide, ...]:
    """Every image with the attack that decides of it, before each classifier."""

    def said(shot: Shot, _: Shot) -> str:
        return _verdict(entry, shot)

    return tuple(
        Slide(
            f"{scene.image} before {scene.classifier}: {_attack(entry, shot)}",
            tuple(_tiles(scene.clean, shot, said)),
        )
        for scene in entry.digest.scenes
        for shot in scene.attacked
    )


def codec_slides(entry: CodecEntry) -> tuple[Slide, ...]:
    """Every image with the attacks that cost it most."""
    return tuple(
        Slide(f"{scene.image}: {_attack(entry, shot)}", tuple(_tiles(scene.clean, shot, _coded)))
        for scene in entry.digest.scenes
        for shot in scene.attacked
    )


def path_of(*files: File) -> str:
    """Where the site has what is made of these stored pictures."""
    named = hashlib.sha256(":".join(file.sha256 for file in files).encode())
    return f"gallery/{named.hexdigest()[:24]}.webp"


def factor(shot: Shot) -> int:
    """By how much the change of a picture is amplified to be seen."""
    return max(1, REACH // max(shot.linf, 1))


def _attack(entry: Entry | CodecEntry, shot: Shot) -> str:
    cell: Cell = next(cell for cell in entry.run.header.cells if cell.name == shot.cell)
    along = f", along {cell.estimator}" if cell.estimator not in (None, "none", "bare") else ""
    return f"{aim_in_words(cell)}, {attack_in_words(cell)}{along}"


def _tiles(clean: Shot, shot: Shot, said: Said) -> Iterator[Tile]:
    """Clean, and what comes of it; attacked, and what comes of that; the change."""
    yield from _pair(clean, "Clean", "as it is", said(clean, clean))
    moved = f"moved by up to {shot.linf}/{LEVELS}" if shot.linf else "left as it was"
    yield from _pair(shot, "Attacked", moved, said(shot, clean))
    if shot.linf:
        path, (width, height) = path_of(clean.source, shot.source), _sides(shot.source)
        yield Tile(path, width, height, "The change", f"times {factor(shot)}, on gray")


def _pair(shot: Shot, name: str, said: str, came: str) -> Iterator[Tile]:
    """What was judged, and what came of it; the latter's words stand with the former without it."""
    shown = said if shot.output else f"{said}; {came}"
    yield Tile(path_of(shot.source), *_sides(shot.source), name, shown)
    if shot.output:
        made = "defended" if shot.bits_per_pixel is None else "decoded"
        yield Tile(path_of(shot.output), *_sides(shot.output), f"{name}, {made}", came)


def _sides(file: File) -> tuple[int, int]:
    return file.width, file.height


def _verdict(entry: Entry, shot: Shot) -> str:
    if entry.randomized and shot.share is not None:
        said = f"right in {shot.share * entry.draws:.0f} of {entry.draws} draws"
    else:
        said = "right" if shot.share else "wrong"
    return said if shot.bits_per_pixel is None else f"{said}, {shot.bits_per_pixel:.2f} bpp"


def _coded(shot: Shot, clean: Shot) -> str:
    """Rate and quality, the rate beside that of the clean one."""
    if shot.bits_per_pixel is None:
        return "did not compress"
    times = ""
    if shot is not clean and clean.bits_per_pixel:
        times = f" ({shot.bits_per_pixel / clean.bits_per_pixel:.2f}×)"
    lost = (
        f"{plain(shot.psnr).value}\N{NO-BREAK SPACE}dB" if shot.psnr is not None else "without loss"
    )
    return f"{shot.bits_per_pixel:.3f} bpp{times}, {lost if shot.output else 'did not decode'}"
