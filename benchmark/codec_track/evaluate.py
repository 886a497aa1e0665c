"""One shard of a codec protocol: craft, round, check, code, decode, and say what happened."""

import time
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.codec_track import attacks
from benchmark.codec_track.admission import admits
from benchmark.codec_track.crafting import Attacked, craft
from benchmark.codec_track.judge import SAME, CodecJudge, lpips_is_here, psnr_of
from benchmark.codec_track.pictures import Group, groups
from benchmark.codec_track.showing import pictures
from benchmark.contract import check_trade_off
from benchmark.datasets import Sample
from benchmark.defense import Codec, Plugin
from benchmark.errors import CallError, ContractError
from benchmark.estimators import Elsewhere
from benchmark.fitting import Fitting
from benchmark.gallery import kept
from benchmark.geometry import from_bytes
from benchmark.judge import differences, through_png
from benchmark.protocol import CLEAN_CELL, CodecProtocol, PlannedCell, codec_cells
from benchmark.records import Cell, CodecOutcome, Picture, Shard, ShardResult
from benchmark.threat import LEVELS, Access
from benchmark.transfer import TransferCache


class Source(NamedTuple):
    """A codec that transfer attacks are crafted on; `identity` is a hash of all that decides it."""

    make: Callable[[], Plugin]
    identity: str


class Subject(NamedTuple):
    """What is evaluated: how to make it, its manifest's gradient, and its entry's name."""

    make: Callable[[], Plugin]
    gradient: str
    entry: str = ""


class CodecHarness:
    """A codec protocol, a submission and the pictures on one device, ready to evaluate shards.

    The submission is made for the attacks, to compress, and to decompress: three times, or twice if
    its code is elsewhere, where these two are apart anyway. What decompresses has never seen a
    picture, nor what judges a gradient.
    """

    def __init__(
        self,
        protocol: CodecProtocol,
        sample: Sample,
        subject: Subject,
        sources: Mapping[str, Source],
        cache: Path,
        device: torch.device,
        fitting: Fitting | None = None,
    ) -> None:
        """See the class; `sources` are the codecs that the protocol's transfer cells name."""
        self._protocol, self._sample, self._subject = protocol, sample, subject
        self._device, self._sources = device, sources
        self._made: dict[str, Codec] = {}
        self._attacked, encoder = (self._codec(subject.make) for _ in range(2))
        # A codec elsewhere decompresses in another place than it compresses.
        decoder = encoder if isinstance(encoder, Elsewhere) else self._codec(subject.make)
        self._draws = protocol.judge_draws if self._attacked.randomized else 1
        self._lpips = protocol.lpips and lpips_is_here(device)
        self._judge = CodecJudge(encoder, decoder, self._draws, lpips=self._lpips)
        (first,) = groups(sample, protocol.image, [0], device)
        self._example = from_bytes(first.pixels)
        self._lossless = self._coded_without_loss(first)
        self._planned = tuple(self._admitted(codec_cells(protocol)))
        self._cache = TransferCache(cache, device, "fp32")
        self._fitting = fitting or Fitting()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of this run: the clean one, then the protocol's as far as they apply."""
        return (CLEAN_CELL, *(planned.cell for planned in self._planned))

    @property
    def planned(self) -> tuple[PlannedCell, ...]:
        """The attacks of this run, with what each may spend."""
        return self._planned

    def without_cache(self, folder: Path) -> "CodecHarness":
        """The same with another folder for transfer examples, to measure what crafting takes."""
        other = copy(self)
        other._cache = TransferCache(folder, self._device, "fp32")
        return other

    def pictures(self, start: int, stop: int) -> Iterator[Group]:
        """The pictures at these positions of the sample, those of one size together."""
        return groups(self._sample, self._protocol.image, range(start, stop), self._device)

    def _codec(self, make: Callable[[], Plugin]) -> Codec:
        made = make()
        if not isinstance(made, Codec):
            raise CallError(
                f"{type(made).__name__} is no codec; a protocol of the codec track judges bytes"
            )
        check_trade_off(made.trade_off, type(made).__name__)
        codec: Codec = made.to(self._device).eval()
        return codec

    def _coded_without_loss(self, first: Group) -> bool:
        """Whether the first picture comes back as it was; that it comes back at all is asked."""
        pixels = first.pixels[0]
        found = self._judge(pixels, pixels, "first")
        if found["failures"] == found["draws"]:
            raise ContractError(
                f"picture {first.ids[0]} does not come back from the bytes alone, without any "
                f"attack: {found['reason']}; one instance compresses, another decompresses"
            )
        if not found["failures"] and (gap := self._judge.gap(pixels)) > SAME:
            raise ContractError(
                f"picture {first.ids[0]} comes back from the same bytes as two, {gap:.0f} grey "
                "levels apart: the instance that compressed it gives another one than an instance "
                "that saw the bytes alone; write all that the decoder needs into the stream"
            )
        return bool(found["mse"] == 0)

    def _admitted(self, planned: Iterator[PlannedCell]) -> Iterator[PlannedCell]:
        for one in planned:
            attacks.find(one.cell.attack or "")
            if self._applies(one.cell):
                yield one

    def _applies(self, cell: Cell) -> bool:
        """Whether the codec gives the attack what it needs, and the attack something new."""
        if cell.objective is not None and self._lossless and cell.objective != "rate":
            return False
        if cell.access is Access.NOISE:
            return True
        if cell.access is Access.TRANSFER:
            return cell.source != self._subject.entry
        bare = self._attacked.bare()
        defended = bare is not self._attacked
        randomized = bool(self._attacked.randomized)
        if cell.access is Access.WHITE_BOX and (not defended or randomized):
            return False
        if cell.access is Access.EOT and not randomized:
            return False
        return admits(bare, self._subject.gradient, cell.objective or "", self._example)

    def evaluate(self, shard: Shard) -> ShardResult:
        """Every outcome of the shard."""
        started = time.perf_counter()
        by_cell: dict[str, list[CodecOutcome]] = {cell.name: [] for cell in self.cells}
        shown = shard.start + kept(self._sample, shard)
        sources: dict[tuple[str, str], Tensor] = {}
        for group in self.pictures(shard.start, shard.stop):
            nothing = torch.zeros(len(group.ids), dtype=torch.int64)
            untouched = Attacked(group.pixels, nothing, nothing)
            by_cell[CLEAN_CELL.name] += self.judged(group, CLEAN_CELL, untouched)
            sources |= _named(group.first(shown - group.start), CLEAN_CELL, untouched)
            for planned in self._planned:
                part = group.first((planned.cell.images or shard.stop) - group.start)
                if part.ids:
                    made = self.crafted(part, planned).inside(part.pixels, planned)
                    by_cell[planned.cell.name] += self.judged(part, planned.cell, made)
                    sources |= _named(part.first(shown - part.start), planned.cell, made)
        clean = by_cell[CLEAN_CELL.name]
        return ShardResult(
            shard=shard,
            outcomes=(),
            seconds=time.perf_counter() - started,
            defense_seconds=sum(
                (one.encode_seconds or 0) + (one.decode_seconds or 0) for one in clean
            ),
            diagnostics={"lpips_absent": 1.0} if self._protocol.lpips > self._lpips else {},
            codec_outcomes=tuple(outcome for outcomes in by_cell.values() for outcome in outcomes),
            pictures=self._pictures(by_cell, sources),
        )

    def _pictures(
        self, by_cell: Mapping[str, list[CodecOutcome]], sources: Mapping[tuple[str, str], Tensor]
    ) -> tuple[Picture, ...]:
        """What is kept to be looked at."""
        judged = {cell: {one.image: one for one in found} for cell, found in by_cell.items()}
        threat, seed = self._protocol.headline_threat, self._protocol.seed
        return tuple(pictures(self._judge, self.cells, judged, sources, threat, seed))

    def crafted(self, group: Group, planned: PlannedCell) -> Attacked:
        """The attack's pictures; those of a transfer attack come from the cache if it has them."""
        cell = planned.cell
        if cell.access is Access.TRANSFER:
            source = self._sources[cell.source or ""]
            key = (source.identity, planned, group.pixels, torch.zeros(0))
            kept = self._cache.get(*key, lambda: self._craft(self._source(cell), group, planned))
            return Attacked(**kept)._replace(pixels=kept["pixels"].to(group.pixels.device))
        bare = cell.access in (Access.VANILLA, Access.NOISE)
        codec = self._attacked.bare() if bare else self._attacked
        return Attacked(**self._craft(codec, group, planned))

    def _craft(self, codec: Codec, group: Group, planned: PlannedCell) -> dict[str, Tensor]:
        made = craft(codec, group.pixels, planned, self._protocol.seed, fitting=self._fitting)
        return made._asdict()

    def _source(self, cell: Cell) -> Codec:
        """The bare codec that the cell names, made when it is first needed."""
        name = cell.source or ""
        if name not in self._made:
            self._made[name] = self._codec(self._sources[name].make)
        return self._made[name].bare()

    def judged(self, group: Group, cell: Cell, made: Attacked) -> list[CodecOutcome]:
        """What becomes of the pictures that a PNG file brings back, one by one."""
        pixels, hashes = through_png(made.pixels)
        linf, _ = differences(pixels, group.pixels)
        outcomes = []
        for i, image in enumerate(group.ids):
            seed = (self._protocol.seed, cell.name, image)
            input_mse = _input_mse(pixels[i], group.pixels[i])
            outcomes.append(
                CodecOutcome(
                    cell=cell.name,
                    image=image,
                    **self._judge(pixels[i], group.pixels[i], *seed),
                    input_mse=input_mse,
                    input_psnr=psnr_of(input_mse),
                    linf=linf[i],
                    gradient_steps=int(made.backwards[i]),
                    queries=int(made.forwards[i]),
                    png_sha256=hashes[i],
                )
            )
        return outcomes


def _named(group: Group, cell: Cell, made: Attacked) -> dict[tuple[str, str], Tensor]:
    """What was made of each picture of the group, by cell and image."""
    return {(cell.name, image): made.pixels[i] for i, image in enumerate(group.ids)}


def _input_mse(pixels: Tensor, clean: Tensor) -> float:
    """Of the perturbation, in [0, 1]^2, from integers."""
    delta = pixels.to(torch.int64) - clean.to(torch.int64)
    return int((delta * delta).sum()) / delta.numel() / LEVELS**2
