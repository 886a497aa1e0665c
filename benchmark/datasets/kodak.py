"""`kodak`: the 24 photographs of the Kodak suite, 768x512 or 512x768, without classes."""

from dataclasses import replace
from pathlib import Path

from benchmark.datasets import hub
from benchmark.datasets.pictures import Pictures, of_files
from benchmark.errors import DataError
from benchmark.places import data_folder

REPOSITORY = "Freed-Wu/kodak"
NAMES = tuple(f"kodim{number:02d}" for number in range(1, 25))
SHA256: tuple[str, ...] = (
    "6c7c9230bd197b1537bece98df875720e39d1be22e0494503536b14b9a9b1043",
    "c70e58cc2ad64baf6df5d48295f749ebe96c3b3185364818f2eab115eaaddfa1",
    "d6212d4bb2862c211fa4aa1ec4d12dfbe48c76443411592d820aa107e12ff825",
    "3cc6b00671ebf6e695f9097bacc0c51e105b05dc140170d78324c999c9fedc06",
    "e195b3431ed95ab0d4b1f2039d41f88e4177160d27cf25a3bb348a0b90ba2dc8",
    "e8f0b50000f3fe31318cd7788c8034e0120398197c9f8f6e8dcd49322d595e0b",
    "ccd0736253e3e530e9c565a1e037d40635bae5674bd78e350b657bbe081c197f",
    "125c4480b3266fc54033df8009cd598e54a3aa5552ba2cb7e4dd5e01b09b796d",
    "7b79e0f5a3d9e4b98f146be77e435fc10e749b8ca600a76f25ca680a3018475c",
    "7cdfd41372a09e2ab60bb4d30f9656f1864ed4b965db8627a92c89f23eb09878",
    "e41b815579fe26868fc937ea888775e5926d4a89158e5e9f5419ee39af02b2fc",
    "3553a3cd2293921d59a12c4e600364756932f8da57ad3006aec53a1c7861e22f",
    "53c7dc5c7e0f9d722cb1dc7cc1d542a0408be318f4704ab3235faee4f29dc69b",
    "cc5f88d54b97f9fc1ec84ddac4cacc1df94d93c4aa33c1a8013401caf1d551b9",
    "9a5e77b7429650c1a5ce976a6944cd14d10299c5bc69d1b5f39882e3da659578",
    "d12d65d166243db424824d5bc748029a2713668ce088b78c95a3f17029f162a4",
    "eef319cc9ef9eddc4d3adc5bd99562ed819218db248cf6df47a733e8cd70fa91",
    "a415cf67f845dbd3780461d2068bd21446f9f2ae25f6da78e3a7024ec0c20fe9",
    "ef2fab96ebc7b256b7488148d6cc1b037cc1d418f5c3e865a3052a2405e1a718",
    "5257e6846990df40507de4bd73ffbf4d4ddb286b70591c340261020be8652316",
    "faa4aa1dbfddfa8f5daffd12f03a1922b04077c68085114ed1d8782cc5da9b46",
    "fca2de3197b5076eaba1e0d430daab11472fb8a0f9bf9ca37b4fa11e20c1abf0",
    "0639ee5ecf10ec9c74c23cc18a3ca74662f91055ca1b35321b8b06179aafb43f",
    "5a0c71bca503d4da0abf74002cb30c97201b4ba59183c7d2c89e40f95bb6bbde",
)


def from_folder(root: Path) -> Pictures:
    """`kodim01.png` to `kodim24.png` in one folder."""
    files = [root / f"{name}.png" for name in NAMES]
    missing = [path.name for path in files if not path.exists()]
    if missing:
        raise DataError(f"{root} lacks {', '.join(missing)}; expected kodim01.png to kodim24.png")
    return _pinned(of_files("kodak", files, None, NAMES))


def from_hub(repository: str = REPOSITORY) -> Pictures:
    """The parquet conversion of the hub's repository; rows in the order of the names."""
    revision = None if Path(repository).exists() else "refs/convert/parquet"
    table = hub.load_split(
        repository, "train", data_files="default/test/*.parquet", revision=revision
    )
    if len(table) != len(NAMES):
        raise DataError(f"{repository} holds {len(table)} pictures, expected {len(NAMES)}")
    found = hub.pictures("kodak", table, None, False)
    return _pinned(Pictures("kodak", NAMES, None, found.read))


def _pinned(found: Pictures) -> Pictures:
    return replace(found, sha256=SHA256)


def load() -> Pictures:
    """From `SQUEEZEBENCH_DATA/kodak` if it is there, else from the hub."""
    data = data_folder()
    if data and (data / "kodak").is_dir():
        return from_folder(data / "kodak")
    return from_hub()
