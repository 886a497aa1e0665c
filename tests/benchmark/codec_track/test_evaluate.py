"""A shard of the codec track: bytes counted, padding not, decoders that have seen bytes alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.codec_track import attacks
from benchmark.codec_track.evaluate import Source
from benchmark.codecs.kway import KWay
from benchmark.codecs.naive import NaiveRandomization
from benchmark.codecs.pillow import Jpeg, Png
from benchmark.defense import Codec, Defense
from benchmark.errors import CallError, ContractError
from benchmark.geometry import to_bytes
from benchmark.records import CLEAN, CodecOutcome, Shard, ShardResult
from benchmark.tensors import Images, PerImage
from tests.benchmark.codec_track.toys import (
    NOISE,
    Blocks,
    Detailed,
    constant,
    harness,
    protocol,
    sample_of,
    textured,
    vanilla,
)

ALL = Shard("", 0, 3)


def of_cell(result: ShardResult, cell: str) -> list[CodecOutcome]:
    return [outcome for outcome in result.codec_outcomes if outcome.cell == cell]


def without_time(result: ShardResult) -> list[CodecOutcome]:
    return [replace(o, encode_seconds=None, decode_seconds=None) for o in result.codec_outcomes]


def test_bits_are_those_of_the_bytes_and_pixels_those_before_padding(tmp_path: Path) -> None:
    """20x24 pixels are padded to 32x32: 2x2 blocks of 3 channels are 12 bytes."""
    made = harness(Blocks, protocol(), textured(), tmp_path)
    for outcome in made.evaluate(ALL).codec_outcomes:
        assert (outcome.bits, outcome.bits_worst, outcome.pixels) == (96, 96, 480)
        assert outcome.likelihood_bits == 96
        assert outcome.rd_loss == pytest.approx(0.01 * 255**2 * outcome.mse + 96 / 480)
        assert outcome.psnr == pytest.approx(-10 * torch.tensor(outcome.mse).log10().item())
        assert (outcome.mse, outcome.psnr) == (outcome.clean_mse, outcome.clean_psnr)
        assert (outcome.input_mse, outcome.input_psnr, outcome.linf) == (0, None, 0)
        assert (outcome.status, outcome.failures, outcome.draws) == ("decoded", 0, 1)
        assert outcome.lpips is None


def test_cells_come_in_the_order_of_the_protocol(tmp_path: Path) -> None:
    made = harness(Blocks, protocol(NOISE, vanilla("mse")), textured(), tmp_path)
    result = made.evaluate(ALL)
    assert [o.cell for o in result.codec_outcomes] == [
        cell.name for cell in made.cells for _ in range(3)
    ]
    assert [o.image for o in of_cell(result, CLEAN)] == ["p0", "p1", "p2"]


def test_an_attack_moves_the_figures_by_what_the_bytes_say(tmp_path: Path) -> None:
    """Of `Detailed`, noise costs a byte for each value that it makes differ from the first."""
    made = harness(Detailed, protocol(NOISE), constant(), tmp_path, gradient="none")
    result = made.evaluate(ALL)
    clean, noisy = of_cell(result, CLEAN), of_cell(result, "noise/noise/linf-4")
    values = 3 * 20 * 24
    for before, after in zip(clean, noisy, strict=True):
        assert before.bits == 8 * values
        assert after.bits is not None
        assert 8 * values < after.bits < 16 * values
        assert after.linf == 4
        assert after.input_mse == pytest.approx((4 / 255) ** 2)
        assert after.psnr is None  # what was coded came back as it was
        assert after.mse == 0
        assert after.clean_psnr == pytest.approx(after.input_psnr)
        assert (after.gradient_steps, after.queries) == (0, 0)


def test_of_a_lossless_codec_the_rate_alone_is_attacked(tmp_path: Path) -> None:
    class LosslessWithLikelihood(Png):
        def likelihood_bits(self, x: Images) -> PerImage:
            return 1000 * x.flatten(1).var(1)

    recipe = protocol(vanilla("rate", "mse", "joint", "ms-ssim"))
    made = harness(LosslessWithLikelihood, recipe, textured(), tmp_path)
    assert [cell.objective for cell in made.cells] == [None, "rate"]


def test_what_leaves_the_ball_counts_as_the_clean_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack returns black; the harness projects it, and counts the ball in integers."""
    black = {**attacks.CODEC_ATTACKS, "pgd": lambda loss, x, budget: torch.zeros_like(x)}
    monkeypatch.setattr(attacks, "CODEC_ATTACKS", black)
    made = harness(Blocks, protocol(vanilla("mse", radii=(1.0, 4.0))), textured(), tmp_path)
    result = made.evaluate(ALL)
    for radius in (1, 4):
        for outcome in of_cell(result, f"vanilla/pgd-3/linf-{radius}/mse"):
            assert outcome.linf == radius


class Grey(Codec):
    """Grey, whatever is coded."""

    def compress(self, x: Images) -> list[bytes]:
        return [b"grey"] * len(x)

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        return torch.full((len(streams), 3, *size), 0.5)


def test_an_index_is_counted(tmp_path: Path) -> None:
    """A random transform is written in 4 bytes: a mark and 28 bits."""
    recipe = protocol(judge_draws=3)
    plain = harness(Grey, recipe, textured(), tmp_path, gradient="none").evaluate(ALL)
    assert {outcome.bits for outcome in plain.codec_outcomes} == {32}

    def behind_a_transform() -> Codec:
        return NaiveRandomization(Grey())

    moved = harness(behind_a_transform, recipe, textured(), tmp_path, gradient="none")
    assert {outcome.bits for outcome in moved.evaluate(ALL).codec_outcomes} == {32 + 32}


class Hiding(Codec):
    """Says that it costs 8 bits, and writes a second string that its likelihood leaves out."""

    def compress(self, x: Images) -> list[bytes]:
        return [b"y" + one.numpy().tobytes() for one in to_bytes(x)]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        return Detailed().decompress([stream[1:] for stream in streams], size)

    def likelihood_bits(self, x: Images) -> PerImage:
        return 8 + 0 * x.flatten(1).sum(1)


def test_bits_hidden_from_the_likelihood_are_counted(tmp_path: Path) -> None:
    (outcome, *_) = harness(Hiding, protocol(), textured(), tmp_path).evaluate(ALL).codec_outcomes
    assert (outcome.bits, outcome.likelihood_bits) == (8 + 8 * 3 * 480, 8)


class Smuggler(Blocks):
    """Keeps the picture and writes one byte."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Images] = []

    def compress(self, x: Images) -> list[bytes]:
        self.kept += list(x.split(1))
        return [bytes([len(self.kept) - len(x) + i]) for i in range(len(x))]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        return torch.cat([self.kept[stream[0]] for stream in streams])


def test_a_decoder_that_needs_more_than_bytes_is_caught(tmp_path: Path) -> None:
    complaint = r"p0 does not come back from the bytes alone, .* decompress: IndexError"
    with pytest.raises(ContractError, match=complaint):
        harness(Smuggler, protocol(), textured(), tmp_path)


class Forgetful(Smuggler):
    """As `Smuggler`, and grey where it remembers nothing."""

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        return super().decompress(streams, size) if self.kept else torch.full((1, 3, *size), 0.5)


def test_a_decoder_that_remembers_is_caught(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"p0 comes back from the same bytes as two, \d+ grey"):
        harness(Forgetful, protocol(), textured(), tmp_path)


class Fragile(Detailed):
    """Crashes on pictures that are not of one value; `where` says in which half of the codec."""

    where = "decompress"

    def compress(self, x: Images) -> list[bytes]:
        if self.where == "compress" and bool((to_bytes(x) != to_bytes(x).flatten()[0]).any()):
            raise ValueError("a value differs")
        return super().compress(x)

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        if any(len(stream) > 3 * size[0] * size[1] for stream in streams):
            raise ValueError("a value differs")
        return super().decompress(streams, size)


class FragileEncoder(Fragile):
    where = "compress"


def test_a_decoder_that_attacked_pictures_crash_is_counted(tmp_path: Path) -> None:
    made = harness(Fragile, protocol(NOISE), constant(), tmp_path, gradient="none")
    result = made.evaluate(ALL)
    assert {(o.status, o.failures) for o in of_cell(result, CLEAN)} == {("decoded", 0)}
    for outcome in of_cell(result, "noise/noise/linf-4"):
        assert (outcome.status, outcome.failures) == ("failed", 1)
        assert outcome.reason == "decompress: ValueError: a value differs"
        assert outcome.bits is not None
        assert (outcome.mse, outcome.psnr, outcome.clean_psnr, outcome.ms_ssim) == (None,) * 4
        assert outcome.decode_seconds is None


def test_an_encoder_that_crashes_is_counted_too(tmp_path: Path) -> None:
    made = harness(FragileEncoder, protocol(NOISE), constant(), tmp_path, gradient="none")
    for outcome in of_cell(made.evaluate(ALL), "noise/noise/linf-4"):
        assert (outcome.status, outcome.bits, outcome.psnr) == ("failed", None, None)
        assert outcome.reason.startswith("compress: ValueError")


class Touchy(Fragile):
    """Has a slope, and crashes an attack that follows it."""

    def likelihood_bits(self, x: Images) -> PerImage:
        if any(len(one.unique()) > 1 for one in to_bytes(x)):
            raise ValueError("a value differs")
        signs = torch.arange(x[0].numel()).view_as(x[0]) % 2 * 2 - 1
        return (x * signs).flatten(1).sum(1)


def test_a_crash_is_what_an_attack_looks_for(tmp_path: Path) -> None:
    """It ends there, image by image, and the judge counts it."""
    recipe = protocol(NOISE, vanilla("rate"))
    made = harness(Touchy, recipe, constant(), tmp_path)
    result = made.evaluate(ALL)
    for outcome in of_cell(result, "vanilla/pgd-3/linf-4/rate"):
        assert (outcome.status, outcome.linf) == ("failed", 2)  # one step of 2/255 is enough
        assert (outcome.gradient_steps, outcome.queries) == (1, 2)


class Careless(Blocks):
    """Its likelihood fails; its streams do not."""

    def likelihood_bits(self, x: Images) -> PerImage:
        raise ZeroDivisionError("a scale is 0")


def test_a_likelihood_that_fails_is_missing_not_a_failure_of_the_codec(tmp_path: Path) -> None:
    for outcome in harness(Careless, protocol(), textured(), tmp_path).evaluate(ALL).codec_outcomes:
        assert (outcome.status, outcome.bits, outcome.likelihood_bits) == ("decoded", 96, None)
        assert outcome.reason == "likelihood_bits: ZeroDivisionError: a scale is 0"


def test_one_clean_picture_that_fails_is_counted(tmp_path: Path) -> None:
    """Of three in shards of one, the last: the run goes on."""
    pictures = [constant(n=1).pictures.read(0)] * 2 + [textured(n=1).pictures.read(0)]
    made = harness(Fragile, protocol(batch=1), sample_of(pictures), tmp_path, gradient="none")
    found = [made.evaluate(Shard("", i, i + 1)).codec_outcomes[0].failures for i in range(3)]
    assert found == [0, 0, 1]


class Dithered(Blocks):
    """Writes 0 to 3 bytes more, by chance; drawn from torch's generator."""

    randomized = True

    def compress(self, x: Images) -> list[bytes]:
        return [s + bytes(int(torch.randint(4, ()))) for s in super().compress(x)]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        return super().decompress([stream[:12] for stream in streams], size)


def test_a_randomized_codec_is_judged_on_draws(tmp_path: Path) -> None:
    made = harness(Dithered, protocol(judge_draws=32), textured(), tmp_path)
    outcomes = of_cell(made.evaluate(ALL), CLEAN)
    for outcome in outcomes:
        assert outcome.draws == 32
        assert outcome.bits_worst == 96 + 24
        assert outcome.bits == pytest.approx(96 + 12, abs=6)
    assert len({outcome.bits for outcome in outcomes}) > 1
    again = harness(Dithered, protocol(judge_draws=32), textured(), tmp_path).evaluate(ALL)
    assert [o.bits for o in of_cell(again, CLEAN)] == [o.bits for o in outcomes]


def test_outcomes_do_not_depend_on_the_shard_or_the_order(tmp_path: Path) -> None:
    recipe = protocol(NOISE, vanilla("mse"), vanilla("mse", access="eot", draws=3))
    whole = harness(Dithered, recipe, textured(), tmp_path).evaluate(ALL)
    made = harness(Dithered, recipe, textured(), tmp_path)
    parts = [made.evaluate(Shard("", i, i + 1)) for i in (2, 0, 1)]
    alone = {(o.cell, o.image): o for part in parts for o in without_time(part)}
    together = {(o.cell, o.image): o for o in without_time(whole)}
    assert alone == together
    assert any(cell.startswith("eot/pgd-3d3") for cell, _ in together)


def test_transfer_is_crafted_on_the_source_and_kept(tmp_path: Path) -> None:
    made = 0

    def source() -> Codec:
        nonlocal made
        made += 1
        return Blocks()

    cell = vanilla("mse", access="transfer", source="blocks/one")
    sources = {"blocks/one": Source(source, "i")}
    cold = harness(lambda: Jpeg(50), protocol(cell), textured(), tmp_path, sources=sources)
    first = cold.evaluate(ALL)
    warm = harness(lambda: Jpeg(50), protocol(cell), textured(), tmp_path, sources=sources)
    assert without_time(warm.evaluate(ALL)) == without_time(first)
    assert made == 1
    white = harness(Blocks, protocol(vanilla("mse")), textured(), tmp_path).evaluate(ALL)
    name = "transfer/pgd-3/linf-4/mse/blocks:one"
    assert [o.gradient_steps for o in of_cell(first, name)] == [3] * 3
    assert [o.linf for o in of_cell(first, name)] == [
        o.linf for o in of_cell(white, "vanilla/pgd-3/linf-4/mse")
    ]


def test_no_transfer_from_itself(tmp_path: Path) -> None:
    cell = vanilla("mse", access="transfer", source="toy/one")
    assert len(harness(Blocks, protocol(cell), textured(), tmp_path).cells) == 1


def test_accesses_by_what_the_codec_is(tmp_path: Path) -> None:
    """White-box is for a deterministic defense around a codec, EoT for a randomized one."""
    cells = [vanilla("mse", access=access) for access in ("vanilla", "white-box", "eot")]
    recipe = protocol(*cells)
    two = lambda: KWay(Jpeg(50), 2, trade_off=0.01)  # noqa: E731
    found = {
        name: [str(cell.access) for cell in harness(make, recipe, textured(), tmp_path).cells[1:]]
        for name, make in (("plain", Blocks), ("two-way", two))
    }
    assert found == {"plain": ["vanilla"], "two-way": ["vanilla", "eot"]}


def test_objectives_need_a_slope(tmp_path: Path) -> None:
    recipe = protocol(vanilla("rate", "mse", "joint", "features"))
    none = harness(Detailed, recipe, textured(), tmp_path, gradient="none")
    assert len(none.cells) == 1
    blocks = harness(Blocks, recipe, textured(), tmp_path)
    assert [cell.objective for cell in blocks.cells[1:]] == ["rate", "mse", "joint"]


def test_pictures_of_several_sizes_make_one_shard(tmp_path: Path) -> None:
    sizes = ((20, 24), (24, 20), (24, 20))
    pictures = [textured(*size, 1).pictures.read(0) for size in sizes]
    made = harness(Blocks, protocol(NOISE), sample_of(pictures), tmp_path)
    outcomes = of_cell(made.evaluate(ALL), CLEAN)
    assert [outcome.image for outcome in outcomes] == ["p0", "p1", "p2"]


def test_a_crop_comes_before_the_adversary(tmp_path: Path) -> None:
    recipe = protocol(image={"crop": 16})
    (outcome, *_) = harness(Blocks, recipe, textured(), tmp_path).evaluate(ALL).codec_outcomes
    assert (outcome.pixels, outcome.bits) == (256, 24)


def test_what_is_no_codec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="Defense is no codec"):
        harness(Defense, protocol(), textured(), tmp_path)
