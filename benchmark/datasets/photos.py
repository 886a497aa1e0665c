"""`photos`: free photographs that come inside scikit-image and scikit-learn, cut to 256x256."""

from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from benchmark.datasets.pictures import Picture, Pictures, read_file

SIDE = 256


class Cut(NamedTuple):
    """A square of a photograph: package and file, top left corner, hash of its pixels."""

    package: str
    file: str
    top: int
    left: int
    sha256: str


# Public domain or CC0, china and flower CC BY 2.0 (danielbuechele, vultilion); see NOTICE.
CUTS = {
    "astronaut": Cut(
        "skimage",
        "data/astronaut.png",
        0,
        96,
        "7e628c235930ce8339d3e4ed9eef30c8089a217711c7b8ffab5e10667bc38428",
    ),
    "cat": Cut(
        "skimage",
        "data/chelsea.png",
        20,
        80,
        "1a7e26091906dc4462f9fb1a324c631d5fe031838a3ea1f52cc893589a1fb22b",
    ),
    "coffee": Cut(
        "skimage",
        "data/coffee.png",
        90,
        180,
        "5d72444b85ea5e2a67c9c405bd14a0a8b109251d4d74e6da4eb0e90273b1eacc",
    ),
    "rocket": Cut(
        "skimage",
        "data/rocket.jpg",
        100,
        200,
        "83b9785dec308c2b1b006a3f37cebdd0ff6481d6c5163c9c1e8e4df068507841",
    ),
    "hubble": Cut(
        "skimage",
        "data/hubble_deep_field.jpg",
        300,
        300,
        "0815a4f97f2fa1c43e2774f6f219fa70a1c3ee405901f74f9b6c4e7c16a08d22",
    ),
    "retina": Cut(
        "skimage",
        "data/retina.jpg",
        560,
        300,
        "bbc8bbca6a9c2199ceb9644537521934c0130542147246899028ab19fbd304ea",
    ),
    "cameraman": Cut(
        "skimage",
        "data/camera.png",
        60,
        130,
        "604206148851e01a8992841b73e7092af15164545d03b082762876d8b8c0d74f",
    ),
    "gravel": Cut(
        "skimage",
        "data/gravel.png",
        0,
        0,
        "fee263375ed7ec9cfecf9189051b7bf6b4852dd7e3c45e46a37678969c629a8f",
    ),
    "temple": Cut(
        "sklearn",
        "datasets/images/china.jpg",
        60,
        180,
        "be6e60cfd8518ebd6865fd4fbe712ec1783d16f4dcc45f39afa1a3eeba123037",
    ),
    "lake": Cut(
        "sklearn",
        "datasets/images/china.jpg",
        171,
        384,
        "6bd36da35a532640404dd57be5dd9ac4b896f3786f1bb56b07910a2bebd11133",
    ),
    "flower": Cut(
        "sklearn",
        "datasets/images/flower.jpg",
        60,
        200,
        "a682a8a8d6cb5e66103ce66430ac55f70a2b1a9996980249c51054a43b6d36c3",
    ),
    "dahlia": Cut(
        "sklearn",
        "datasets/images/flower.jpg",
        150,
        60,
        "16dc29a5471b2cacc4b4e60757d213e55a551e367d7d5ceb532d07841683b2be",
    ),
}


def _read(cut: Cut) -> Picture:
    picture = read_file(Path(str(files(cut.package).joinpath(cut.file))))
    return picture[cut.top : cut.top + SIDE, cut.left : cut.left + SIDE]


def load() -> Pictures:
    """The 12 photographs; they have no classes."""
    cuts = tuple(CUTS.values())
    return Pictures(
        name="photos",
        ids=tuple(CUTS),
        labels=None,
        read=lambda position: _read(cuts[position]),
        sha256=tuple(cut.sha256 for cut in cuts),
    )
