"""The harness: it rounds, checks the ball, judges real bytes, and trusts nobody."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark import attacks, classifiers, transfer
from benchmark.classifiers import LoadedClassifier
from benchmark.codecs.pillow import Jpeg
from benchmark.contract import check_images, check_streams
from benchmark.datasets import Sample, fingerprinted
from benchmark.datasets.pictures import Pictures
from benchmark.defense import Codec, Defense
from benchmark.errors import ContractError, DataError
from benchmark.evaluate import Declared, Harness
from benchmark.judge import Judge, differences, in_ball, through_png
from benchmark.protocol import Protocol
from benchmark.records import CLEAN, Outcome, Shard
from benchmark.tensors import Images
from benchmark.threat import Budget, Norm, ThreatModel
from benchmark.transfer import CHECKED, checksum


class Identity(Defense):
    def forward(self, x: Images) -> Images:
        return x


Made = Callable[..., Harness]


@pytest.fixture
def harness(
    protocol: Protocol, sample: Sample, mini_resnet: LoadedClassifier, tmp_path: Path
) -> Made:
    def make(
        defense: Callable[[], Defense] = Identity,
        gradient: str = "exact",
        *,
        randomized: bool = False,
        precision: str = "fp32",
    ) -> Harness:
        loaded = {"mini-resnet": mini_resnet}
        declared = Declared(gradient, randomized)
        return Harness(protocol, sample, loaded, defense, declared, tmp_path, precision=precision)

    return make


EXACT = Declared("exact")
SHARD = Shard("mini-resnet", 0, 3)


def of_cell(outcomes: tuple[Outcome, ...], cell: str) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.cell == cell]


def test_a_shard_has_every_cell_of_every_image(harness: Made, sample: Sample) -> None:
    made = harness(lambda: Jpeg(50), "surrogate")
    result = made.evaluate(SHARD)
    assert [o.image for o in result.outcomes[:3]] == list(sample.pictures.ids[:3])
    assert len(result.outcomes) == 3 * len(made.cells)
    assert {c.estimator for c in made.cells} == {None, "bare", "surrogate", "identity"}
    for outcome in result.outcomes:
        assert outcome.correct == (outcome.margin > 0)
        assert outcome.bits is not None
        assert outcome.bits > 0
    for cell in made.cells[1:]:
        assert cell.norm is not None
        assert cell.radius is not None
        threat = ThreatModel(Norm(cell.norm), cell.radius)
        assert all(in_ball(o.linf, o.l2, threat) for o in of_cell(result.outcomes, cell.name))


def test_bits_are_those_of_the_files(harness: Made, sample: Sample) -> None:
    result = harness(lambda: Jpeg(50), "surrogate").evaluate(SHARD)
    buffer = io.BytesIO()
    picture = Image.fromarray(sample.pictures.read(0))
    picture.save(buffer, "JPEG", quality=50, subsampling="4:2:0")
    clean = of_cell(result.outcomes, CLEAN)[0]
    assert clean.bits == 8 * len(buffer.getvalue())
    assert (clean.linf, clean.l2, clean.gradient_steps, clean.queries) == (0, 0.0, 0, 0)


def test_a_defense_without_a_stream_has_no_bits(harness: Made) -> None:
    assert {o.bits for o in harness().evaluate(SHARD).outcomes} == {None}


def test_the_undefended_classifier_falls(harness: Made) -> None:
    outcomes = harness().evaluate(SHARD).outcomes
    assert all(o.correct for o in of_cell(outcomes, CLEAN))
    assert not any(o.correct for o in of_cell(outcomes, "white-box/pgd-5x2/linf-4/exact"))


def test_an_attack_that_leaves_the_ball_gains_nothing(
    harness: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It returns grey noise far from the image; what is judged is inside the ball all the same."""

    def cheat(model: object, x: Tensor, y: Tensor, budget: Budget) -> Tensor:
        return torch.rand_like(x) * 5 - 2

    monkeypatch.setattr(attacks, "ATTACKS", {"pgd": cheat, "fgsm": cheat, "bim": cheat})
    for outcome in harness().evaluate(SHARD).outcomes:
        assert outcome.linf <= 4 or outcome.cell.split("/")[2] == "l2-0.5"
        assert outcome.l2 <= 0.5 or outcome.cell.split("/")[2] != "l2-0.5"


def test_misclassified_images_are_not_attacked(harness: Made) -> None:
    class Black(Defense):
        def forward(self, x: Images) -> Images:
            return x * 0

    outcomes = harness(Black, "none").evaluate(SHARD).outcomes
    wrong = {o.image for o in of_cell(outcomes, CLEAN) if not o.correct}
    assert wrong
    attacked = [o for o in outcomes if o.cell.startswith("white-box") and o.image in wrong]
    assert {(o.linf, o.gradient_steps) for o in attacked} == {(0, 0)}


def test_what_a_smaller_radius_broke_is_carried_to_the_larger(harness: Made) -> None:
    outcomes = harness().evaluate(SHARD).outcomes
    small, large = (
        {o.image: o for o in of_cell(outcomes, f"white-box/pgd-5x2/linf-{k}/exact")} for k in (2, 4)
    )
    broken = [image for image, outcome in small.items() if not outcome.correct]
    assert broken
    for image in broken:
        assert large[image].png_sha256 == small[image].png_sha256
        assert large[image].gradient_steps == 0
    standing = set(small) - set(broken)
    assert all(large[image].gradient_steps > 0 for image in standing)


def test_transfer_examples_are_crafted_once(harness: Made, tmp_path: Path) -> None:
    first = harness(lambda: Jpeg(50), "surrogate").evaluate(SHARD)
    (kept,) = tmp_path.glob("*.safetensors")
    before = kept.stat().st_mtime_ns
    second = harness(lambda: Jpeg(90), "surrogate").evaluate(SHARD)
    assert kept.stat().st_mtime_ns == before
    cell = "transfer/pgd-5/linf-4/bare"
    hashes = [[o.png_sha256 for o in of_cell(r.outcomes, cell)] for r in (first, second)]
    assert hashes[0] == hashes[1]
    assert {o.gradient_steps for o in of_cell(second.outcomes, cell)} == {5}
    kept.write_bytes(b"damaged")
    third = harness(lambda: Jpeg(50), "surrogate").evaluate(SHARD)
    assert third.outcomes == first.outcomes
    assert kept.stat().st_size > 100


def test_a_cached_picture_outside_of_the_ball_counts_as_the_clean_one(
    harness: Made, tmp_path: Path
) -> None:
    first = harness().evaluate(SHARD)
    (kept,) = tmp_path.glob("*.safetensors")
    altered = load_file(kept)
    altered["pixels"][0] = 255 - altered["pixels"][0]
    save_file(altered, kept, {CHECKED: checksum(altered)})
    cell = "transfer/pgd-5/linf-4/bare"
    before, after = (of_cell(r.outcomes, cell) for r in (first, harness().evaluate(SHARD)))
    assert after[0].png_sha256 == of_cell(first.outcomes, CLEAN)[0].png_sha256
    assert (after[0].linf, after[0].correct) == (0, True)
    assert after[1:] == before[1:]


def test_a_cached_picture_that_was_altered_is_made_anew(harness: Made, tmp_path: Path) -> None:
    first = harness().evaluate(SHARD)
    (kept,) = tmp_path.glob("*.safetensors")
    content = bytearray(kept.read_bytes())
    content[-1] ^= 1
    kept.write_bytes(content)
    assert harness().evaluate(SHARD).outcomes == first.outcomes
    assert kept.read_bytes() != bytes(content)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    harness: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = harness().evaluate(SHARD)
    for kept in tmp_path.glob("*.safetensors"):
        kept.unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "save_file", full)
    assert harness().evaluate(SHARD).outcomes == expected.outcomes
    assert list(tmp_path.glob("*.safetensors")) == []


def test_the_judge_has_an_instance_of_its_own(harness: Made) -> None:
    class Counting(Defense):
        made: list["Counting"] = []  # noqa: RUF012 (the test reads it)

        def __init__(self) -> None:
            super().__init__()
            self.with_gradient = 0
            self.made.append(self)

        def forward(self, x: Images) -> Images:
            self.with_gradient += torch.is_grad_enabled()
            return x

    harness(Counting).evaluate(SHARD)
    attacked, judging, scoring = Counting.made
    assert attacked.with_gradient > 0
    assert judging.with_gradient == 0
    assert scoring.with_gradient == 0


def test_shards_do_not_depend_on_each_other(harness: Made) -> None:
    shards = [Shard("mini-resnet", 0, 3), Shard("mini-resnet", 3, 6)]
    forward = [harness().evaluate(shard).outcomes for shard in shards]
    one = harness()
    backward = [one.evaluate(shard).outcomes for shard in reversed(shards)][::-1]
    assert forward == backward


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda x: x[:, :, :-1], r"returned shape \(3, 3, 63, 64\), expected \(3, 3, 64, 64\)"),
        (lambda x: x[:1], r"returned shape \(1, 3, 64, 64\)"),
        (lambda x: x / 0, "values that are not finite"),
        (lambda x: x * 2, r"values in \[0, 2\], expected \[0, 1\]"),
        (lambda x: x - 0.5, r"values in \[-0\.5"),
        (lambda x: (x * 255).to(torch.uint8), "uint8, expected floats"),
        (lambda x: x.numpy(), "returned ndarray, expected a tensor"),
        (lambda x: None, "returned NoneType"),
    ],
)
def test_what_a_defense_may_not_return(returned: Callable[[Tensor], object], message: str) -> None:
    x = torch.linspace(0, 1, 3 * 3 * 64 * 64).view(3, 3, 64, 64)
    with pytest.raises(ContractError, match=rf"D\.forward returned .*{message}|{message}"):
        check_images(returned(x), x, "D.forward")


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ([b"a"], "returned 1 streams, expected 2"),
        ([b"a", "b"], "a list with str, expected one of bytes"),
        ((b"a", b"b"), "returned tuple"),
    ],
)
def test_what_a_codec_may_not_return(streams: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_streams(streams, 2, "C.compress")


def test_a_codec_is_judged_through_its_bytes() -> None:
    """A codec whose `forward` would protect, but whose streams hold nothing but black."""

    class TwoFaced(Codec):
        def compress(self, x: Images) -> list[bytes]:
            return [b"black"] * len(x)

        def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
            return torch.zeros(len(streams), 3, *size)

        def forward(self, x: Images) -> Images:
            return x

    def brightness(x: Tensor) -> Tensor:
        return torch.stack([x.flatten(1).mean(1) - 0.1, torch.zeros(len(x))], 1)

    pixels = torch.full((2, 3, 4, 4), 200, dtype=torch.uint8)
    verdict = Judge(brightness, TwoFaced())(pixels, torch.tensor([0, 0]))
    assert verdict.predicted.tolist() == [1, 1]
    assert verdict.bits == (40, 40)


def test_a_box_that_begins_is_no_part_of_what_a_pass_takes(
    harness: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    class Beginning(Defense):
        """Takes 1000 seconds at first, and 1 ever after."""

        def __init__(self) -> None:
            super().__init__()
            self.begun = False

        def forward(self, x: Images) -> Images:
            nonlocal now
            now += 1 if self.begun else 1000
            self.begun = True
            return x

    monkeypatch.setattr("time.perf_counter", lambda: now)
    assert harness(Beginning).evaluate(SHARD).defense_seconds == 1
    twice = Judge(lambda x: x.flatten(1)[:, :2], Beginning(), draws=3)
    assert (
        twice(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor([0, 0])).defense_seconds == 1
    )


def test_png_brings_back_the_same_pixels() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (3, 3, 17, 9), generator=generator, dtype=torch.uint8)
    back, hashes = through_png(pixels)
    assert torch.equal(back, pixels)
    assert len(set(hashes)) == 3
    assert all(len(h) == len(hashlib.sha256().hexdigest()) for h in hashes)


def test_the_ball_is_checked_in_integers() -> None:
    clean = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
    moved = clean.clone()
    moved[0, 0, 0, :4] += 4
    linf, l2 = differences(moved, clean)
    assert linf == [4]
    assert l2 == [8 / 255]
    assert in_ball(4, l2[0], ThreatModel(Norm.LINF, 4))
    assert not in_ball(5, l2[0], ThreatModel(Norm.LINF, 4))
    assert in_ball(4, l2[0], ThreatModel(Norm.L2, 8 / 255))
    assert not in_ball(4, l2[0], ThreatModel(Norm.L2, 7.99 / 255))
    assert differences(torch.zeros_like(clean), clean)[0] == [100]  # bytes do not wrap around


def test_a_label_that_the_classifier_does_not_have(
    protocol: Protocol, mini_resnet: LoadedClassifier, tmp_path: Path
) -> None:
    picture = np.zeros((64, 64, 3), dtype=np.uint8)
    pictures = Pictures("p", ("a", "b"), (3, 10), lambda _: picture)
    made = Harness(
        protocol,
        fingerprinted(pictures),
        {"mini-resnet": mini_resnet},
        Identity,
        Declared("exact"),
        tmp_path,
    )
    with pytest.raises(DataError, match="label 10 of picture b is none of the 10 classes"):
        made.evaluate(Shard("mini-resnet", 0, 2))


def test_pictures_without_labels(
    protocol: Protocol, mini_resnet: LoadedClassifier, tmp_path: Path
) -> None:
    pictures = Pictures("p", ("a",), None, lambda _: np.zeros((64, 64, 3), dtype=np.uint8))
    sample = fingerprinted(pictures)
    made = Harness(protocol, sample, {"mini-resnet": mini_resnet}, Identity, EXACT, tmp_path)
    with pytest.raises(DataError, match="has no labels"):
        made.evaluate(Shard("mini-resnet", 0, 1))


@pytest.mark.gpu
def test_cuda_agrees_with_the_processor(protocol: Protocol, sample: Sample, tmp_path: Path) -> None:
    """The same verdict on at least 99 % of outcomes, judged in fp32 on both."""
    spec = protocol.classifiers[0]
    found = []
    for device in ("cpu", "cuda"):
        loaded = {spec.name: classifiers.load(spec, device=torch.device(device))}
        made = Harness(protocol, sample, loaded, lambda: Jpeg(50), Declared("surrogate"), tmp_path)
        outcomes = made.evaluate(Shard(spec.name, 0, 7)).outcomes
        found.append({(o.cell, o.image): o.correct for o in outcomes})
    agree = [found[0][key] == found[1][key] for key in found[0]]
    assert sum(agree) >= 0.99 * len(agree)
