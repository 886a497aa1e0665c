"""Challenges to stored runs: what is read, what is refused, the lower figure beside the old one."""

import dataclasses
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from torch import Tensor

from benchmark import classifiers, datasets
from benchmark.attacks.pgd import pgd
from benchmark.batches import Batch, batch_of
from benchmark.errors import CallError, DataError, SubmissionError, UnknownNameError
from benchmark.geometry import from_bytes, to_bytes, to_lattice_in_ball
from benchmark.protocol import load
from benchmark.records import Challenge, ClassifierRecord, Run
from benchmark.score import score, wilson
from benchmark.threat import Budget, Norm, ThreatModel
from leaderboard.challenge import Answer, Asked, challenge
from leaderboard.evaluation import Request, job_of
from leaderboard.handed_in import Expected, find
from leaderboard.store import Store
from leaderboard.submission import load as load_submission
from tests.benchmark.test_score import run as example_run
from tests.boxes import plugin_of
from tests.conftest import TINY
from tests.leaderboard.commands import SUBMISSIONS, complaint, succeed

LINF_4 = ThreatModel(Norm.LINF, 4)
WEAK = """
[[cell]]
attack = "fgsm"
access = "transfer"
radii = [1, 4]

[[cell]]
attack = "fgsm"
access = "transfer"
norm = "l2"
radii = [0.5]
"""


@dataclass(frozen=True)
class Weak:
    """A run of the blur that met transfer alone, its pictures, and those of a white-box attack.

    `right` says which of the latter the defended model gets right.
    """

    db: Path
    protocol: Path
    submission: Path
    batch: Batch
    adversarial: Tensor
    right: dict[str, bool]

    def store(self, folder: Path) -> Store:
        """A copy of the database."""
        return Store(str(shutil.copy(self.db, folder / "runs.db")))


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Weak:
    folder = tmp_path_factory.mktemp("weak")
    protocol = folder / "tiny.toml"
    protocol.write_text(TINY.split("[[cell]]")[0] + WEAK)
    submission = Path(shutil.copytree(SUBMISSIONS / "gaussian-blur", folder / "gaussian-blur"))
    call = ("evaluate", submission, "--variant", "sigma-1.5", "--protocol", protocol)
    succeed(*call, "--db", folder / "runs.db", "--workers", 1)
    loaded, found = load(str(protocol)), load_submission(submission)
    classifier = classifiers.load(loaded.classifiers[0])
    batch = batch_of(datasets.fingerprinted(datasets.find(loaded.dataset)), classifier, range(7))
    defense = plugin_of(job_of(Request(found, found.variant("sigma-1.5"), loaded)))
    x, threat = from_bytes(batch.pixels), ThreatModel(Norm.LINF, 2)
    model = lambda images: classifier.model(defense(images))  # noqa: E731
    x_adv = pgd(model, x, batch.y, Budget(threat, steps=20)).detach()
    adversarial = to_bytes(to_lattice_in_ball(x_adv, x, threat))
    right = (model(from_bytes(adversarial)).argmax(1) == batch.y).tolist()
    by_image = dict(zip(batch.ids, right, strict=True))
    return Weak(folder / "runs.db", protocol, submission, batch, adversarial, by_image)


def write(folder: Path, pictures: Mapping[str, Tensor]) -> Path:
    """A folder of PNG files by image."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in pictures.items():
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / f"{name}.png")
    return folder


def every(weak: Weak) -> dict[str, Tensor]:
    return dict(zip(weak.batch.ids, weak.adversarial, strict=True))


def asked(run: Run, images: Path, weak: Weak, **given: object) -> Asked:
    base = Asked(run, images, weak.submission, None, None, "A. Tester", "cpu", Path())
    return dataclasses.replace(base, **given)  # type: ignore[arg-type]


def dare(weak: Weak, store: Store, images: Path, **given: object) -> Answer:
    return challenge(asked(store.run(1), images, weak, **given), store, lambda *_: None)


def test_the_lower_figure_stands_beside_the_old_one(weak: Weak, tmp_path: Path) -> None:
    """Of seven pictures one leaves the ball, one is the clean one and one is not handed in."""
    store = weak.store(tmp_path)
    before = score(store.run(1), "mini-resnet").at(LINF_4)
    assert before is not None
    assert before.worst.estimate > 0
    assert before.challenged is None
    fallen, clean, far, absent = weak.batch.ids[:4]
    pictures = every(weak)
    del pictures[absent]
    pictures[clean] = weak.batch.pixels[1]
    pictures[far] = pictures[far].clone()
    corner = int(weak.batch.pixels[2, 0, 0, 0])
    pictures[far][0, 0, 0] = corner + 5 if corner < 128 else corner - 5
    images = write(tmp_path / "images", pictures)
    options = (
        "--db",
        tmp_path / "runs.db",
        "--submission",
        weak.submission,
        "--by",
        "<b>A. Tester",
    )
    said = succeed("challenge", 1, images, *options)

    run = store.run(1)
    (found,) = run.challenges
    assert (found.by, found.threat, found.classifier) == ("<b>A. Tester", LINF_4, "mini-resnet")
    assert found.outside == {far: 5.0}
    assert found.unchanged == (clean,)
    handed_in = [name for name in weak.batch.ids if name not in (clean, far, absent)]
    assert [outcome.image for outcome in found.outcomes] == handed_in
    assert fallen in handed_in
    assert all(outcome.linf <= 4 and outcome.draws == 1 for outcome in found.outcomes)
    assert {o.image: o.correct for o in found.outcomes} == {n: weak.right[n] for n in handed_in}
    standing = _standing(run)
    left = sum(standing[name] and weak.right[name] for name in handed_in)
    left += sum(standing[name] for name in (clean, far, absent))
    after = score(run, "mini-resnet").at(LINF_4)
    assert after is not None
    assert after.challenged == wilson(left, 7)
    assert after.challenged.estimate < before.worst.estimate
    assert replace(after, challenged=None) == before
    assert "1 outside of the ball count as the clean picture" in said
    assert f"{far} (5)" in said
    assert "1 unchanged" in said
    assert f"with challenges {100 * left / 7:.1f}" in said
    succeed("render", "--db", tmp_path / "runs.db", "--out", tmp_path / "site")
    (entry,) = (tmp_path / "site" / "entries").rglob("*.html")
    page = entry.read_text()
    assert f"{len(handed_in) - sum(weak.right[n] for n in handed_in)} of {len(handed_in)}" in page
    assert "1 outside of the ball" in page
    assert "&lt;b&gt;A. Tester" in page  # a stranger's text
    (board,) = (tmp_path / "site" / "boards").iterdir()
    figure = f'<span class="value">{100 * left / 7:.1f}</span>'
    assert re.search(rf"{figure}.*?after challenges", board.read_text(), re.DOTALL)


def _standing(run: Run) -> dict[str, bool]:
    """Which images stand the run's own cells of linf."""
    standing = {outcome.image: True for outcome in run.outcomes}
    for outcome in run.outcomes:
        if "l2" not in outcome.cell:
            standing[outcome.image] &= outcome.correct
    return standing


def test_the_same_pictures_are_recorded_once(weak: Weak, tmp_path: Path) -> None:
    """Whatever file they come in; at another threat model they are another challenge."""
    store = weak.store(tmp_path)
    images = write(tmp_path / "images", every(weak))
    first = dare(weak, store, images)
    assert (len(first.recorded), first.known) == (1, ())
    again = write(tmp_path / "again" / "mini-resnet", every(weak)).parent
    for path in (again / "mini-resnet").glob("*.png"):
        with Image.open(path) as opened:
            opened.save(path, compress_level=0)
    tensors = tmp_path / "images.safetensors"
    named = {f"mini-resnet/{name}": pixels.numpy() for name, pixels in every(weak).items()}
    save_file(named, tensors)
    for same in (images, again, tensors):
        answer = dare(weak, store, same)
        assert answer == Answer((), store.run(1).challenges)
    call = ("challenge", 1, images, "--db", tmp_path / "runs.db", "--submission", weak.submission)
    assert f"(recorded before, {first.recorded[0].at})" in succeed(*call)
    with pytest.raises(CallError, match=r"stays in the ball of linf-1 \(nearest: .* was recorded"):
        dare(weak, store, images, threat="linf-1")
    assert store.run(1).challenges == first.recorded


def test_an_export_has_the_challenges(weak: Weak, tmp_path: Path) -> None:
    store = weak.store(tmp_path)
    images = write(tmp_path / "images", every(weak))
    (recorded,) = dare(weak, store, images).recorded
    target = tmp_path / "run.json"
    succeed("export", 1, "-o", target, "--db", tmp_path / "runs.db")
    (exported,) = json.loads(target.read_text())["challenges"]
    assert exported["sha256"] == recorded.sha256
    assert (exported["norm"], exported["radius"]) == ("linf", 4)
    assert len(exported["outcomes"]) == 7
    assert len({outcome["png_sha256"] for outcome in exported["outcomes"]}) == 7


def test_l2_is_measured_in_integers(weak: Weak, tmp_path: Path) -> None:
    """One value off by 127 grey levels is 0.498 in pixel units, by 128 it is 0.502."""
    store = weak.store(tmp_path)
    near, far = weak.batch.pixels[0].clone().flatten(), weak.batch.pixels[1].clone().flatten()
    for picture, levels in ((near, 127), (far, 128)):
        picture[0] = picture[0] + levels if picture[0] < 127 else picture[0] - levels
    images = write(
        tmp_path / "images",
        {
            weak.batch.ids[0]: near.view(3, 64, 64),
            weak.batch.ids[1]: far.view(3, 64, 64),
        },
    )
    (found,) = dare(weak, store, images, threat="l2-0.5").recorded
    assert [outcome.image for outcome in found.outcomes] == [weak.batch.ids[0]]
    assert found.outside == {weak.batch.ids[1]: pytest.approx(128 / 255)}


def test_a_changed_submission_is_not_challenged(weak: Weak, tmp_path: Path) -> None:
    store = weak.store(tmp_path)
    images = write(tmp_path / "images", every(weak))
    changed = Path(shutil.copytree(weak.submission, tmp_path / "gaussian-blur"))
    (changed / "note.txt").write_text("1")
    with pytest.raises(CallError, match=r"but run 1 judged .*give the folder as it was then"):
        dare(weak, store, images, submission=changed)
    with pytest.raises(SubmissionError, match="is no folder"):
        dare(weak, store, images, submission=tmp_path / "none" / "x")
    assert store.run(1).challenges == ()


@pytest.mark.parametrize("changed", ["pictures", "weights"])
def test_other_pictures_or_weights_are_not_judged(weak: Weak, tmp_path: Path, changed: str) -> None:
    store = weak.store(tmp_path)
    images = write(tmp_path / "images", every(weak))
    run = store.run(1)
    if changed == "pictures":
        header, message = replace(run.header, dataset_fingerprint="0" * 64), "restore the pictures"
    else:
        (record,) = run.header.classifiers
        header = replace(run.header, classifiers=(replace(record, identity="0" * 64),))
        message = "restore its weights"
    with pytest.raises(DataError, match=message):
        challenge(asked(replace(run, header=header), images, weak), store, lambda *_: None)
    assert store.run(1).challenges == ()


def test_a_wrong_call(weak: Weak, tmp_path: Path) -> None:
    store = weak.store(tmp_path)
    images = write(tmp_path / "images", every(weak))
    running = replace(store.run(1), status="interrupted")
    with pytest.raises(CallError, match="run 1 is interrupted; only a completed run can be"):
        challenge(asked(running, images, weak), store, lambda *_: None)
    for threat, message in (("linf-5", "did you mean linf-"), ("8/255", "known: l2-0.5, linf-1")):
        with pytest.raises(UnknownNameError, match=message):
            dare(weak, store, images, threat=threat)
    with pytest.raises(UnknownNameError, match="did you mean mini-resnet"):
        dare(weak, store, images, classifier="mini-resnt")
    (images / "shapes-0000.png").write_bytes((images / f"{weak.batch.ids[0]}.png").read_bytes())
    with pytest.raises(UnknownNameError, match=r"unknown image 'shapes-0000'; did you mean shape"):
        dare(weak, store, images)
    said = complaint("challenge", 2, images, "--db", tmp_path / "runs.db", code=2)
    assert "run 2 is not in" in said
    assert store.run(1).challenges == ()


def test_a_randomized_defense_is_judged_on_draws(weak: Weak, tmp_path: Path) -> None:
    """A coin decides between the picture and a black one: about half of the draws are right."""
    own = tmp_path / "coin"
    own.mkdir()
    (own / "defense.py").write_text(
        "import torch\nfrom benchmark.api import Defense, Images\n\n\nclass Coin(Defense):\n"
        "    randomized = True\n\n    def forward(self, x: Images) -> Images:\n"
        "        return x * torch.randint(0, 2, ()) + 0 * x\n"
    )
    (own / "submission.toml").write_text(
        'schema = 1\nname = "coin"\nversion = "1"\ntitle = "Coin"\nauthors = ["A"]\n'
        'license = "MIT"\n[defense]\nkind = "purifier"\nentry = "defense:Coin"\n'
        'gradient = "exact"\nrandomized = true\n[[variant]]\nid = "v"\n'
    )
    db = tmp_path / "runs.db"
    call = ("evaluate", own, "--protocol", weak.protocol, "--db", db, "--workers", 1)
    succeed(*call, "--limit", 2)
    # One grey level off: as right as the clean picture whenever the coin shows it.
    name, pixels = weak.batch.ids[1], weak.batch.pixels[1].clone()
    pixels[0, 0, 0] = pixels[0, 0, 0] + 1 if pixels[0, 0, 0] < 128 else pixels[0, 0, 0] - 1
    images = write(tmp_path / "images", {name: pixels})
    said = succeed("challenge", 1, images, "--db", db, "--submission", own)
    (outcome,) = Store(str(db)).run(1).challenges[0].outcomes
    assert outcome.draws == 20
    assert 4 <= outcome.draws_correct <= 16
    assert "1 judged, 1 wrong in some draw" in said


RECORDS = (
    ClassifierRecord("mini-resnet", "i", 4, 6, 10),
    ClassifierRecord("mini-vit", "i", 4, 6, 10),
)
IMAGES = {"a.JPEG": 0, "cat/b.png": 1, "c": 2, "cat/d": 3}
PICTURE = np.arange(3 * 4 * 6, dtype=np.uint8).reshape(4, 6, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "images"
    path.mkdir()
    return path


def save(path: Path, picture: np.ndarray = PICTURE, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture, mode).save(path)


@pytest.mark.parametrize("flat", [True, False])
def test_file_names_are_ids(folder: Path, flat: bool) -> None:
    root = folder if flat else folder / "mini-vit"
    for name in ("a.JPEG.png", "cat/b.png", "cat/d.png"):
        save(root / name)
    (folder / ".DS_Store").touch()
    chosen = "mini-vit" if flat else None
    found = find(folder, Expected(IMAGES, RECORDS, chosen))
    assert [picture.image for picture in found] == ["a.JPEG", "cat/b.png", "cat/d"]
    assert {picture.classifier.name for picture in found} == {"mini-vit"}
    assert found[0].read() == PICTURE.transpose(2, 0, 1).tobytes()


def test_the_chosen_classifier_alone_is_meant(folder: Path) -> None:
    save(folder / "mini-resnet" / "c.png")
    save(folder / "mini-vit" / "c.png")
    save(folder / "mini-vit" / "a.JPEG.png")
    everything = find(folder, Expected(IMAGES, RECORDS, None))
    listed = [(picture.classifier.name, picture.image) for picture in everything]
    assert listed == [("mini-resnet", "c"), ("mini-vit", "a.JPEG"), ("mini-vit", "c")]
    (one,) = find(folder, Expected(IMAGES, RECORDS, "mini-resnet"))
    assert one.classifier.name == "mini-resnet"


def test_a_picture_without_a_classifier(folder: Path) -> None:
    save(folder / "c.png")
    with pytest.raises(CallError, match=r"for which classifier\? .*mini-resnet, mini-vit"):
        find(folder, Expected(IMAGES, RECORDS, None))


def test_two_pictures_of_one_image(folder: Path) -> None:
    save(folder / "c.png")
    save(folder / "mini-resnet" / "c.png")
    with pytest.raises(CallError, match="are both image c before mini-resnet"):
        find(folder, Expected(IMAGES, RECORDS, "mini-resnet"))


def test_no_picture_at_all(folder: Path, tmp_path: Path) -> None:
    expected = Expected(IMAGES, RECORDS, "mini-resnet")
    with pytest.raises(CallError, match="holds no picture"):
        find(folder, expected)
    with pytest.raises(CallError, match=r"expected a folder of PNG files or a \.safetensors file"):
        find(tmp_path / "none", expected)
    save(folder / "c.jpg")
    with pytest.raises(CallError, match=r"c\.jpg is no PNG file"):
        find(folder, expected)
    (tmp_path / "x.safetensors").write_text("hello")
    with pytest.raises(CallError, match="is no safetensors file"):
        find(tmp_path / "x.safetensors", expected)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (PICTURE[:3], "has 3 rows of 6 pixels, expected 4 of 6: pictures are handed in as mini-r"),
        (PICTURE[..., 0], "is 8-bit grey, expected 8-bit RGB; convert it"),
        (np.zeros((4, 6, 4), np.uint8), "is 8-bit RGB with alpha, expected 8-bit RGB"),
        (PICTURE[..., 0].astype(np.uint16), "is 16-bit grey, expected 8-bit RGB"),
    ],
)
def test_a_picture_of_a_wrong_form(folder: Path, picture: np.ndarray, message: str) -> None:
    save(folder / "c.png", picture)
    (found,) = find(folder, Expected(IMAGES, RECORDS, "mini-resnet"))
    with pytest.raises(CallError, match=message):
        found.read()


def test_a_damaged_picture(folder: Path) -> None:
    save(folder / "c.png", np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8))
    content = (folder / "c.png").read_bytes()
    (found,) = find(folder, Expected(IMAGES, RECORDS, "mini-resnet"))
    (folder / "c.png").write_bytes(content[:60])
    with pytest.raises(CallError, match=r"c\.png cannot be read: .*; write it again"):
        found.read()
    (folder / "c.png").write_bytes(b"GIF" + content)
    with pytest.raises(CallError, match="is no PNG file; its name alone says so"):
        found.read()


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (np.zeros((3, 4, 6), np.float32), r"is F32 \(3, 4, 6\), expected uint8 \(3, h, w\)"),
        (np.zeros((4, 6, 3), np.uint8), r"is U8 \(4, 6, 3\), expected uint8 \(3, h, w\)"),
        (np.zeros((3, 6, 4), np.uint8), "has 6 rows of 4 pixels, expected 4 of 6"),
    ],
)
def test_a_tensor_of_a_wrong_form(tmp_path: Path, tensor: np.ndarray, message: str) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"c": tensor}, path)
    (found,) = find(path, Expected(IMAGES, RECORDS, "mini-resnet"))
    with pytest.raises(CallError, match=message):
        found.read()


def test_a_challenge_counts_in_every_larger_ball_and_nowhere_else() -> None:
    """Worked by hand on the example: images 0 to 4, of which 0 alone stands at radius 4."""
    run = example_run()
    wrong = run.outcomes[0]._replace(correct=False, draws_correct=0, image="0")
    against = Challenge("t", "", "c", LINF_4, "s", (wrong,), {}, (), {})
    found = score(replace(run, challenges=(against,)), "c")
    assert {str(r.threat): r.challenged for r in found.robustness} == {
        "linf-2": None,
        "linf-4": wilson(0, 5),
        "linf-8": wilson(0, 5),
        "l2-0.5": None,
    }
    assert [r.worst for r in found.robustness] == [r.worst for r in score(run, "c").robustness]
    half = replace(against, outcomes=(wrong._replace(draws=20, draws_correct=10),))
    lowered = score(replace(run, challenges=(half,)), "c").at(LINF_4)
    assert lowered is not None
    assert lowered.challenged is not None
    assert lowered.challenged.estimate == pytest.approx(0.5 / 5)
    other = replace(against, classifier="d")
    assert all(
        r.challenged is None for r in score(replace(run, challenges=(other,)), "c").robustness
    )
