"""Vaccination: what is learned from, what is saved, and the ensemble that votes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmark import classifiers
from benchmark.classifiers import LoadedClassifier, bundled, lessons
from benchmark.classifiers.vaccinate import main
from benchmark.codecs.pillow import Jpeg
from benchmark.datasets import find, photos, shapes, synsets
from benchmark.defense import Classifier
from benchmark.errors import DataError
from benchmark.estimators import ESTIMATORS
from benchmark.geometry import from_bytes
from benchmark.protocol import ClassifierSpec, DatasetSpec
from benchmark.tensors import Images
from leaderboard import submission
from leaderboard.engine.wire import Job
from tests.boxes import plugin_of
from tests.conftest import TINY
from tests.leaderboard.commands import SUBMISSIONS

FOLDER = SUBMISSIONS / "vaccinated-ensemble"
QUALITIES = (20, 40, 60, 80)


@pytest.mark.parametrize("quality", [5, 40, 95])
def test_the_pictures_are_what_the_codec_makes_of_them(quality: int) -> None:
    pixels = torch.from_numpy(photos.load().read(0)[:97, :64].copy()).permute(2, 0, 1)
    expected = Jpeg(quality).forward(from_bytes(pixels[None]))[0]
    assert torch.equal(from_bytes(lessons.jpeg(pixels, quality)[None])[0], expected)


def test_no_picture_of_shapes_is_one_that_protocols_judge() -> None:
    lesson = lessons.of_shapes(20)
    assert (len(lesson.training), len(lesson.development)) == (20, 2)
    judged = shapes.load()
    assert judged.labels is not None
    assert (lesson.training.labels or ())[:12] == judged.labels[:12]
    for split in lesson:
        assert not np.array_equal(split.read(0), judged.read(0))
    assert not np.array_equal(lesson.training.read(0), lesson.development.read(0))


def test_inputs_are_prepared_mirrored_and_compressed(mini_resnet: LoadedClassifier) -> None:
    pictures = lessons.of_shapes(3).training
    x, y = lessons.inputs(mini_resnet, pictures, [2, 0], 30, [True, False])
    assert y.tolist() == [2, 0]
    drawn = torch.from_numpy(np.stack([pictures.read(2)[:, ::-1], pictures.read(0)]))
    plain = from_bytes(drawn.permute(0, 3, 1, 2))
    assert torch.equal(x, Jpeg(30).forward(plain))
    assert torch.equal(lessons.inputs(mini_resnet, pictures, [0], None)[0], plain[1:])


def folder_of(root: Path, names: list[str], each: int) -> Path:
    """Pictures of `shapes`, `each` a class, in sub-folders of these names."""
    for label, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i in range(each):
            pixels = shapes.draw((1, name, i), label % 10)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root


def test_folders_named_as_synsets_have_imagenets_numbers(tmp_path: Path) -> None:
    known = synsets.numbers()
    names = ["n01440764", "n02102040", "n03888257"]
    root = folder_of(tmp_path / "synsets", names, 4)
    numbers = tuple(range(1000))
    lesson = lessons.of_folder(root, 100, numbers)
    assert (len(lesson.training), len(lesson.development)) == (10, 2)
    assert not set(lesson.training.ids) & set(lesson.development.ids)
    for part in lesson:
        for identifier, label in zip(part.ids, part.labels or (), strict=True):
            assert label == known[identifier.split("/")[0]]
    assert len(lessons.of_folder(root, 5, numbers).training) == 4
    with pytest.raises(DataError, match="class 701, which is none of the 2 classes of the clas"):
        lessons.of_folder(root, 100, (0, 217))
    plain = folder_of(tmp_path / "plain", ["zebra", "apple"], 1)
    lesson = lessons.of_folder(plain, 100, (0, 1))
    labels = {i: label for part in lesson for i, label in zip(part.ids, part.labels or ())}  # noqa: B905
    assert labels == {"apple/0.png": 0, "zebra/0.png": 1}
    with pytest.raises(DataError, match="gives 1 pictures to learn from; expected at least 2"):
        lessons.of_folder(plain, 1, (0, 1))


def vaccinated(out: Path, *options: object) -> list[dict[str, object]]:
    """The log of the command, which must end well."""
    assert main([*map(str, options), "--out", str(out)]) == 0
    lines = (out / "vaccination.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_copy_that_takes_no_step_is_the_classifier_in_16_bits(tmp_path: Path) -> None:
    base = load_file(bundled.WEIGHTS / "mini-resnet.safetensors")
    call = ("--architecture", "mini-resnet", "--qualities", 30, "--count", 20, "--epochs", 1)
    rows = vaccinated(tmp_path, *call, "--rate", 0, "--half")
    saved = load_file(tmp_path / "q30.safetensors")
    assert saved.keys() == base.keys()
    for name, tensor in saved.items():
        expected = base[name].half() if tensor.dim() > 1 else base[name]
        assert torch.equal(tensor, expected)
    digest = hashlib.sha256((tmp_path / "q30.safetensors").read_bytes()).hexdigest()
    assert (rows[-1]["file"], rows[-1]["sha256"]) == ("q30.safetensors", digest)


def test_any_classifier_learns_from_a_folder(tmp_path: Path) -> None:
    """One of a protocol, from few pictures: it learns them by heart, and stays its normalization.

    What is saved is a classifier that a protocol may name.
    """
    root = folder_of(tmp_path / "pictures", [f"class-{i}" for i in range(10)], 3)
    tiny = TINY.replace('"mini-resnet"', '"mini-vit"').replace('"shapes"', '"imagenette"')
    (tmp_path / "p.toml").write_text(tiny)
    call = ("--protocol", tmp_path / "p.toml", "--classifier", "mini-vit", "--pictures", root)
    rows = vaccinated(
        tmp_path / "out", *call, "--qualities", 5, "--epochs", 6, "--batch", 9, "--rate", 1e-3
    )
    losses = [row["loss"] for row in rows if "loss" in row]
    assert len(losses) == 6
    assert isinstance(losses[0], float)
    assert isinstance(losses[-1], float)
    assert losses[-1] < 0.5 * losses[0]
    base = load_file(bundled.WEIGHTS / "mini-vit.safetensors")
    saved = load_file(tmp_path / "out" / "q5.safetensors")
    changed = {name for name in base if not torch.equal(base[name].float(), saved[name].float())}
    running = {name for name in base if "running" in name or "tracked" in name}
    assert running
    assert changed == base.keys() - running
    spec = ClassifierSpec(
        name="c", source="bundled", architecture="mini-vit", weights="q5.safetensors"
    )
    loaded = classifiers.load(spec, [tmp_path / "out"])
    assert torch.equal(loaded.model.network.head.weight, saved["head.weight"])
    plain = classifiers.load(spec.model_copy(update={"weights": None}))
    assert loaded.identity != plain.identity


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "expected either --protocol (with --classifier) or --architecture"),
        (("--architecture", "mini-resnet", "--epochs", "0"), "--epochs 0: expected at least 1"),
        (
            ("--architecture", "mini-resnet", "--qualities", "101"),
            "--qualities [101]: expected numbers from 1 to 100",
        ),
        (("--architecture", "mini-resnett"), "unknown bundled classifier 'mini-resnett'; did you"),
        (
            ("--architecture", "mini-resnet", "--dataset", "imagenette"),
            "dataset imagenette brings no training pictures; give a folder of its training split",
        ),
        (
            ("--protocol", "mini-classifier-v1", "--classifier", "mini-vitt"),
            "unknown classifier of protocol mini-classifier-v1 'mini-vitt'; did you mean mini-vit?",
        ),
    ],
)
def test_a_wrong_call(
    options: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*options, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def ensemble(*, compressed: bool) -> Classifier:
    """The submission, as a worker makes it."""
    found = submission.load(FOLDER)
    (variant,) = (
        one for one in found.manifest.variants if one.parameters["compressed"] is compressed
    )
    job = Job(
        protocol={},
        beside=(),
        source=str(found.source),
        class_name=found.class_name,
        kind=found.manifest.defense.kind,
        gradient=found.manifest.defense.gradient,
        randomized=found.manifest.defense.randomized,
        parameters=dict(variant.parameters),
        device="cpu",
        precision="fp32",
    )
    made = plugin_of(job)
    assert isinstance(made, Classifier)
    return made.eval()


def shapes_of(n: int) -> tuple[Images, Tensor]:
    pictures = find(DatasetSpec(name="shapes"))
    pixels = np.stack([pictures.read(i) for i in range(n)])
    return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2)), torch.arange(n) % 10


class Fixed(nn.Module):
    """The same probabilities whatever the picture, and for the gradient its mean."""

    def __init__(self, *probabilities: float) -> None:
        super().__init__()
        self.logits = torch.tensor(probabilities).log()

    def forward(self, x: Images) -> Tensor:
        return self.logits.expand(len(x), -1) + 0 * x.mean((1, 2, 3))[:, None]


@pytest.mark.parametrize(
    ("members", "order"),
    [
        # Three votes that are hardly any beat a certain one.
        ([(0.4, 0.3, 0.3)] * 3 + [(0.001, 0.998, 0.001)], [0, 1, 2]),
        # Two against two: the larger sum of probabilities, 2.0 against 1.8, decides.
        ([(0.9, 0.1, 0.0)] * 2 + [(0.0, 0.9, 0.1)] * 2, [1, 0, 2]),
        # So small a difference that a sum of probabilities in fp32 would hide it.
        ([(1.0, 1e-12, 2e-12)] * 4, [0, 2, 1]),
        ([(0.2, 0.3, 0.5)] * 4, [2, 1, 0]),
    ],
)
def test_the_vote(members: list[tuple[float, ...]], order: list[int]) -> None:
    made = ensemble(compressed=True)
    made.members = nn.ModuleList(Fixed(*(p + 1e-30 for p in one)) for one in members)
    x = torch.rand(2, 3, 16, 16)
    logits = made.forward(x)
    assert logits.argsort(1, descending=True).tolist() == [order, order]
    votes = torch.zeros(3)
    for one in members:
        votes[int(torch.tensor(one).argmax())] += 1
    part = logits - votes
    assert (part > 0).all()
    assert (part <= 1).all()


@pytest.mark.parametrize("compressed", [True, False])
def test_each_copy_sees_jpeg_of_its_quality(compressed: bool) -> None:
    made = ensemble(compressed=compressed)
    x, _ = shapes_of(2)
    seen: list[Tensor] = []
    members = made.members
    assert isinstance(members, nn.ModuleList)
    for member in members:
        member.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    made.forward(x)
    made.surrogate(x)
    assert len(seen) == 8
    for i, quality in enumerate(QUALITIES):
        assert torch.equal(seen[i], Jpeg(quality).forward(x) if compressed else x)
        assert torch.equal(seen[4 + i], Jpeg(quality).surrogate(x) if compressed else x)


@pytest.mark.parametrize("compressed", [True, False])
def test_the_ensemble_is_right_has_a_gradient_and_a_value_that_is_the_vote(
    compressed: bool,
) -> None:
    made = ensemble(compressed=compressed)
    x, y = shapes_of(100)
    with torch.no_grad():
        logits = made.forward(x)
    assert (logits.argmax(1) == y).float().mean() >= 0.95
    few = x[:4].clone().requires_grad_()
    found = ESTIMATORS["surrogate"](made)(few)
    torch.testing.assert_close(found, logits[:4])
    (slope,) = torch.autograd.grad(found.gather(1, y[:4, None]).sum(), few)
    assert (slope.flatten(1).abs().amax(1) > 0).all()
    assert torch.isfinite(slope).all()


def test_the_weights_come_with_their_log() -> None:
    """What the log says of each file: its hash, and that it learned to read JPEG."""
    rows = [json.loads(line) for line in (FOLDER / "vaccination.jsonl").read_text().splitlines()]
    for quality in QUALITIES:
        before, *_, after = (row for row in rows if row["quality"] == quality)
        content = (FOLDER / f"q{quality}.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == after["sha256"]
        assert after["development_accuracy"] > before["development_accuracy"]
        assert after["development_accuracy"] >= 0.93
        assert len(content) < 1_600_000
