"""Datasets: what they hold is pinned, and what is wrong with them is named."""

import json
import shutil
from collections import Counter
from pathlib import Path

import datasets as hugging_face
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from benchmark.datasets import (
    DATASETS,
    find,
    fingerprinted,
    folder,
    imagenet1k,
    imagenette,
    kodak,
    photos,
    shapes,
)
from benchmark.datasets.pictures import checked, of_files, pixel_sha256, read_file
from benchmark.errors import DataError, ProtocolError, UnknownNameError
from benchmark.places import cache_folder
from benchmark.protocol import DatasetSpec

# A change of these changes every stored run on these pictures: give the dataset a new name instead.
SHAPES_20 = "5fc5186bfc9dc60f6800903d5aaea7cc0182f243a46a9a51046b487402ccc55f"
PHOTOS = "74fd7e6efbeed5c3a49e829d3b1e40e2a17ff3190219c871f6242e6d36cf0cb4"


def picture(seed: int, height: int = 40, width: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed)).save(path)
    return path


def test_shapes_are_pinned() -> None:
    sample = fingerprinted(shapes.load().subset(range(20)))
    assert sample.fingerprint == SHAPES_20


def test_shapes_are_a_balanced_set_of_ten_classes() -> None:
    loaded = shapes.load()
    assert loaded.labels is not None
    assert Counter(loaded.labels) == dict.fromkeys(range(10), 100)
    assert loaded.read(3).shape == (64, 64, 3)
    assert len({pixel_sha256(loaded.read(i)) for i in range(30)}) == 30


def test_shapes_have_the_spectrum_of_photographs() -> None:
    """Power falls about as 1/f^2 (amplitude 1/f), as in natural images (Field 1987)."""
    loaded = shapes.load()
    grey = np.stack([loaded.read(i).mean(2) for i in range(60)])
    power = (abs(np.fft.fft2(grey - grey.mean((1, 2), keepdims=True))) ** 2).mean(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    band = (frequency > 1.5 / 64) & (frequency < 0.4)
    slope = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]
    assert -3 < slope < -1.6


def test_photos_are_pinned() -> None:
    sample = fingerprinted(photos.load())
    assert len(sample.pictures) == 12
    assert {sample.pictures.read(i).shape for i in range(12)} == {(256, 256, 3)}
    assert sample.fingerprint == PHOTOS


def test_a_sample_is_a_fixed_draw_in_the_order_of_the_dataset() -> None:
    drawn = find(DatasetSpec(name="shapes", sample=9, seed=4))
    again = find(DatasetSpec(name="shapes", sample=9, seed=4))
    larger = find(DatasetSpec(name="shapes", sample=30, seed=4))
    other = find(DatasetSpec(name="shapes", sample=9, seed=5))
    assert drawn.ids == again.ids == tuple(sorted(drawn.ids))
    assert set(drawn.ids) < set(larger.ids)
    assert drawn.ids != other.ids
    assert np.array_equal(drawn.read(0), shapes.load().read(int(drawn.ids[0][-4:])))


def test_the_fixed_thousand() -> None:
    assert len(imagenet1k.IDS) == len(set(imagenet1k.IDS)) == 1000
    assert imagenet1k.IDS[0].startswith("ILSVRC2012_val_000")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DatasetSpec(name="shape"), "unknown dataset 'shape'; did you mean shapes"),
        (DatasetSpec(name="shapes", folder="x"), "expected a path for the dataset 'folder'"),
        (DatasetSpec(name="folder"), "expected a path for the dataset 'folder'"),
        (DatasetSpec(name="shapes", sample=1001), "has 1000 pictures"),
    ],
)
def test_a_wrong_dataset_table(spec: DatasetSpec, message: str) -> None:
    with pytest.raises((UnknownNameError, ProtocolError), match=message):
        find(spec)


def test_every_name_has_a_loader() -> None:
    assert set(DATASETS) == {"shapes", "photos", "imagenette", "imagenet1k", "kodak"}


# Folders of one's own


def test_a_folder_with_labels_or_with_a_folder_a_class(tmp_path: Path) -> None:
    save(tmp_path / "a" / "2.png", 2)
    save(tmp_path / "a" / "1.png", 1)
    (tmp_path / "a" / "labels.csv").write_text("file,label\n2.png,7\n1.png,3\n")
    listed = folder.load(tmp_path / "a")
    assert (listed.ids, listed.labels) == (("1.png", "2.png"), (3, 7))
    save(tmp_path / "b" / "cat" / "x.png", 3)
    save(tmp_path / "b" / "dog" / "x.png", 4)
    by_class = folder.load(tmp_path / "b")
    assert (by_class.ids, by_class.labels) == (("cat/x.png", "dog/x.png"), (0, 1))
    assert np.array_equal(by_class.read(1), picture(4))


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("file,label\nmissing.png,1\n", r"missing\.png is missing; restore it"),
        ("file,label\na.png,minus\n", "line 2: label 'minus', expected a class number"),
        ("name,class\na.png,1\n", "expected file,label"),
        ("file,label\n", "has no picture"),
    ],
)
def test_a_wrong_list_of_labels(tmp_path: Path, csv: str, message: str) -> None:
    (tmp_path / "labels.csv").write_text(csv)
    with pytest.raises(DataError, match=message):
        fingerprinted(folder.load(tmp_path))


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no picture"):
        folder.load(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        folder.load(tmp_path / "nowhere")


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", 1)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"a\.png cannot be read as a picture"):
        read_file(path)


@pytest.mark.parametrize("mode", ["RGBA", "I;16", "LA", "F"])
def test_a_mode_that_is_no_plain_picture_is_named(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "F" else "a.png")
    Image.new(mode, (8, 8)).save(path)
    with pytest.raises(DataError, match=r"has mode .*, expected 8-bit RGB or grey"):
        read_file(path)


def test_an_altered_picture_is_named(tmp_path: Path) -> None:
    files = [save(tmp_path / "a.png", 1), save(tmp_path / "b.png", 2)]
    plain = of_files("two", files, [0, 1])
    pinned = fingerprinted(plain).pictures
    save(tmp_path / "b.png", 3)
    assert checked(pinned, 0)
    with pytest.raises(DataError, match=r"picture b\.png of two is not the recorded one"):
        fingerprinted(pinned)


# Layouts that people have


def test_kodak_in_a_folder(real_folder: Path) -> None:
    loaded = fingerprinted(kodak.from_folder(real_folder / "kodak")).pictures
    assert len(loaded) == 24
    assert {loaded.read(i).shape for i in (0, 3)} == {(512, 768, 3), (768, 512, 3)}


def test_an_incomplete_kodak(tmp_path: Path) -> None:
    save(tmp_path / "kodim01.png", 1)
    with pytest.raises(DataError, match=r"lacks kodim02\.png, kodim03\.png"):
        kodak.from_folder(tmp_path)


def imagenette_tree(root: Path) -> Path:
    for i, synset in enumerate(imagenette.SYNSETS):
        save(root / "val" / synset / f"{synset}_{i}.JPEG", i)
    return root


def test_imagenette_as_unpacked(tmp_path: Path) -> None:
    root = imagenette_tree(tmp_path / "imagenette2")
    loaded = imagenette.from_folder(root, size=10)
    assert loaded.labels == (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)
    with pytest.raises(DataError, match="holds 10 pictures, expected 3925"):
        imagenette.from_folder(root)


def test_imagenette_records_its_first_load_and_names_what_changed(tmp_path: Path) -> None:
    root = imagenette_tree(tmp_path / "imagenette2")
    first = fingerprinted(imagenette.from_folder(root, size=10))
    record = cache_folder("fingerprints") / "imagenette.json"
    assert len(json.loads(record.read_text())) == 10
    assert fingerprinted(imagenette.from_folder(root, size=10)).fingerprint == first.fingerprint
    changed = next(root.glob("val/*/*_4.JPEG"))
    save(changed, 99)
    with pytest.raises(DataError, match=rf"picture {changed.name} of imagenette is not the recor"):
        fingerprinted(imagenette.from_folder(root, size=10))
    record.unlink()


def flat_imagenet(root: Path, ids: tuple[str, ...]) -> Path:
    for i, name in enumerate(ids):
        save(root / f"{name}.JPEG", i)
    return root


def test_imagenet_flat_with_a_list(tmp_path: Path) -> None:
    ids = imagenet1k.IDS[:3]
    root = flat_imagenet(tmp_path / "imagenet-val", ids)
    with pytest.raises(DataError, match="has no labels: expected sub-folders by synset"):
        imagenet1k.from_folder(root, ids)
    rows = "".join(f"{name}.JPEG,{i * 100}\n" for i, name in enumerate(ids))
    (root / "labels.csv").write_text("file,label\n" + rows)
    assert imagenet1k.from_folder(root, ids).labels == (0, 100, 200)
    with pytest.raises(DataError, match="lacks 997 of the 1000 pictures"):
        imagenet1k.from_folder(root)
    (root / "labels.csv").write_text("file,label\nother.JPEG,1\n")
    with pytest.raises(DataError, match=r"has no row for .*; add it"):
        imagenet1k.from_folder(root, ids)


def test_imagenet_flat_with_the_devkit(tmp_path: Path) -> None:
    """The devkit's number 1 is a class in the middle of the usual order."""
    ids = ("ILSVRC2012_val_00000002", "ILSVRC2012_val_00000003")
    root = flat_imagenet(tmp_path / "imagenet-val", ids)
    data = tmp_path / imagenet1k.DEVKIT / "data"
    data.mkdir(parents=True)
    meta = np.zeros(2, dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")])
    meta[0], meta[1] = (1, "n02119789"), (2, "n01440764")
    savemat(data / "meta.mat", {"synsets": meta})
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text("2\n1\n2\n")
    assert imagenet1k.from_folder(root, ids).labels == (278, 0)


def test_imagenet_by_synset(tmp_path: Path) -> None:
    root = tmp_path / "imagenet-val"
    ids = ("ILSVRC2012_val_00000002", "ILSVRC2012_val_00000003")
    save(root / "n03888257" / f"{ids[0]}.JPEG", 1)
    save(root / "n01440764" / f"{ids[1]}.JPEG", 2)
    assert imagenet1k.from_folder(root, ids).labels == (701, 0)


# The hub, on local copies of its layout


def parquet(path: Path, rows: list[tuple[str, int, int | None]]) -> None:
    """A split as the hub's parquet conversion has it: image as bytes and path, label."""
    path.parent.mkdir(parents=True)
    content: dict[str, list[object]] = {"image": [], "label": []}
    for name, seed, label in rows:
        file = save(path.parent / name, seed)
        content["image"].append({"bytes": file.read_bytes(), "path": name})
        content["label"].append(label)
        file.unlink()
    if rows[0][2] is None:
        content.pop("label")
    features = hugging_face.Features({"image": hugging_face.Image()})
    if rows[0][2] is not None:
        features["label"] = hugging_face.Value("int64")
    hugging_face.Dataset.from_dict(content, features=features).to_parquet(str(path))


def test_imagenette_from_the_hub(tmp_path: Path) -> None:
    rows = [(f"n0_{i}.png", i, i) for i in range(10)]
    parquet(tmp_path / "hub" / "full_size" / "validation" / "0000.parquet", rows)
    loaded = imagenette.from_hub(str(tmp_path / "hub"))
    assert loaded.labels == (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)
    assert np.array_equal(loaded.read(4), picture(4))


def test_imagenet_from_the_hub(tmp_path: Path) -> None:
    ids = imagenet1k.IDS[:2]
    rows = [
        (f"{ids[1]}_n01440764.png", 1, 0),
        ("ILSVRC2012_val_00000000_n1.png", 2, 5),
        (f"{ids[0]}_n03888257.png", 3, 701),
    ]
    parquet(tmp_path / "hub" / "data" / "validation-00000-of-00001.parquet", rows)
    loaded = imagenet1k.from_hub(str(tmp_path / "hub"), ids)
    assert (loaded.ids, loaded.labels) == (ids, (701, 0))
    assert np.array_equal(loaded.read(0), picture(3))
    with pytest.raises(DataError, match="lacks 998 of the 1000 pictures"):
        imagenet1k.from_hub(str(tmp_path / "hub"))


def test_kodak_from_the_hub_must_be_the_pinned_pictures(real_folder: Path, tmp_path: Path) -> None:
    folder_of_hub = tmp_path / "hub" / "default" / "test"
    folder_of_hub.mkdir(parents=True)
    files = [(real_folder / "kodak" / f"{name}.png").read_bytes() for name in kodak.NAMES]
    content = {"image": [{"bytes": content, "path": None} for content in files]}
    features = hugging_face.Features({"image": hugging_face.Image()})
    hugging_face.Dataset.from_dict(content, features=features).to_parquet(
        str(folder_of_hub / "0000.parquet")
    )
    loaded = fingerprinted(kodak.from_hub(str(tmp_path / "hub")))
    in_folder = fingerprinted(kodak.from_folder(real_folder / "kodak"))
    assert loaded.fingerprint == in_folder.fingerprint


def test_no_hub_and_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))
    with pytest.raises(
        DataError, match="is not on this machine; an evaluation fetches it, or put a local copy"
    ):
        imagenette.load()
    shutil.rmtree(tmp_path)
    with pytest.raises(DataError, match="no such folder; correct it or unset it"):
        imagenette.load()
