"""VVC: the conversion of colors, and the plumbing around two programs that are not here.

Small programs stand in their place: the first checks what it is told and packs the frame, the
second unpacks it. Nothing of VVC itself is tested.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.codecs.vvc import Vvc
from benchmark.codecs.yuv import from_frame, read_y4m, to_frame
from benchmark.contract import check_images
from benchmark.datasets import photos
from benchmark.errors import CallError, ContractError
from benchmark.geometry import from_bytes

ENCODER = """
import json, pathlib, sys, zlib
told = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
width, height = map(int, told["--size"].split("x"))
frame = pathlib.Path(told["--input"]).read_bytes()
assert len(frame) == 3 * width * height, (len(frame), width, height)
head = json.dumps([width, height]).encode().ljust(32)
pathlib.Path(told["--output"]).write_bytes(head + zlib.compress(frame))
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(sys.argv[1:]))
"""
DECODER = """
import json, pathlib, sys, zlib
told = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
stream = pathlib.Path(told["--bitstream"]).read_bytes()
try:
    width, height = json.loads(stream[:32])
    frame = zlib.decompress(stream[32:])
except Exception as problem:
    print("vvdecapp [error]: decoding failed:", problem)
    sys.exit(255)
header = f"YUV4MPEG2 W{width} H{height} F60:1 Ip C420p10\\nFRAME\\n"
pathlib.Path(told["--output"]).write_bytes(header.encode() + frame)
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(sys.argv[1:]))
"""


def program(folder: Path, name: str, source: str) -> Path:
    path = folder / name
    path.write_text(f"#!{sys.executable} -IS\n{source}")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with the two programs."""
    program(tmp_path, "vvencapp", ENCODER)
    program(tmp_path, "vvdecapp", DECODER)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SQUEEZEBENCH_VVENCAPP", raising=False)
    monkeypatch.delenv("SQUEEZEBENCH_VVDECAPP", raising=False)
    return tmp_path


def photographs(n: int, height: int, width: int) -> torch.Tensor:
    loaded = photos.load()
    pixels = np.stack([loaded.read(i)[:height, :width] for i in range(n)])
    return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2))


def psnr(x: torch.Tensor, other: torch.Tensor) -> float:
    return float(-10 * torch.log10((x - other).square().mean()))


# The conversion.


@pytest.mark.parametrize(
    ("color", "levels"),
    [
        ((0.0, 0.0, 0.0), (0, 512, 512)),
        ((1.0, 1.0, 1.0), (1023, 512, 512)),
        ((1.0, 0.0, 0.0), (217, 395, 1023)),  # Y = 0.2126, Cb = -Y/1.8556, Cr = 1/2
        ((0.0, 1.0, 0.0), (732, 118, 47)),
        ((0.0, 0.0, 1.0), (74, 1023, 465)),
        ((0.5, 0.5, 0.5), (512, 512, 512)),  # 511.5 to even
    ],
)
def test_colors_become_the_levels_of_bt709(
    color: tuple[float, float, float], levels: tuple[int, int, int]
) -> None:
    x = torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, 2, 4)
    samples = np.frombuffer(to_frame(x), "<u2")
    expected = [levels[0]] * 8 + [levels[1]] * 2 + [levels[2]] * 2
    assert samples.tolist() == expected
    assert (from_frame(to_frame(x), (2, 4)) - x).abs().max() < 1.5 / 255


def test_grey_comes_back_within_half_a_level_of_ten_bits() -> None:
    x = photographs(1, 64, 96).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert (from_frame(to_frame(x), (64, 96)) - x).abs().max() <= 0.51 / 1023


def test_color_loses_what_subsampling_takes() -> None:
    """Chroma that is constant in every 2x2 and changes slowly loses next to nothing."""
    slow = torch.linspace(0.2, 0.8, 64).view(1, 1, 1, 64).expand(1, 1, 64, 64)
    x = torch.cat([slow, slow.flip(-1), torch.full_like(slow, 0.4)], 1)
    assert psnr(from_frame(to_frame(x), (64, 64)), x) > 55
    photograph = photographs(1, 64, 96)
    assert psnr(from_frame(to_frame(photograph), (64, 96)), photograph) > 30


def test_a_y4m_of_another_depth_is_an_error() -> None:
    frame = b"\0" * 12
    made = b"YUV4MPEG2 W2 H2 F60:1 Ip C420p10\nFRAME\n" + frame
    assert read_y4m(made) == (frame, (2, 2))
    for bad in (made.replace(b"p10", b""), made[:20], b"", made.replace(b"FRAME", b"")):
        with pytest.raises(ContractError, match="expected a Y4M header with C420p10"):
            read_y4m(bad)
    with pytest.raises(ContractError, match="has 11 bytes, expected 12"):
        from_frame(frame[:11], (2, 2))


# The plumbing.


@pytest.mark.parametrize("size", [(1, 1), (17, 23), (64, 96)], ids=str)
def test_pictures_go_through_the_programs(programs: Path, size: tuple[int, int]) -> None:
    codec, x = Vvc(32), photographs(2, *size)
    streams = codec.compress(x)
    x_hat = check_images(codec.decompress(streams, size), x, "decompress")
    padded = torch.nn.functional.pad(x, (0, -size[1] % 8, 0, -size[0] % 8), mode="replicate")
    whole = (padded.shape[2], padded.shape[3])
    for i in range(2):
        expected = from_frame(to_frame(padded[i : i + 1]), whole)[..., : size[0], : size[1]]
        assert torch.equal(x_hat[i : i + 1], expected)
    assert torch.equal(Vvc(40).decompress(streams[1:], size), x_hat[1:])
    assert codec.compress(x) == streams


def test_the_programs_are_told_what_their_manuals_know(programs: Path) -> None:
    codec, x = Vvc(37), photographs(1, 17, 23)
    codec.decompress(codec.compress(x), (17, 23))
    told = json.loads((programs / "vvencapp.json").read_text())
    settings = dict(zip(told[::2], told[1::2], strict=True))
    assert Path(settings.pop("--input")).suffix == ".yuv"
    assert Path(settings.pop("--output")).suffix == ".266"
    assert settings == {
        "--size": "24x24",
        "--format": "yuv420_10",
        "--frames": "1",
        "--preset": "medium",
        "--qp": "37",
        "--qpa": "0",
        "--threads": "1",
    }
    told = json.loads((programs / "vvdecapp.json").read_text())
    assert told[::2] == ["--bitstream", "--threads", "--output"]
    assert Path(told[5]).suffix == ".y4m"  # which makes the decoder write the size


def test_a_stream_of_another_shape_of_as_many_pixels_is_an_error(programs: Path) -> None:
    streams = Vvc(32).compress(photographs(1, 8, 16))
    with pytest.raises(ContractError, match="holds 8x16 pixels, expected 16x8"):
        Vvc(32).decompress(streams, (16, 8))


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_what_the_decoder_cannot_read_is_an_error_with_its_words(
    programs: Path, damage: str
) -> None:
    (stream,) = Vvc(32).compress(photographs(1, 32, 32))
    bad = {"truncated": stream[:-9], "garbage": b"\1" * 99, "empty": b""}[damage]
    with pytest.raises(ContractError, match=r"vvdecapp ended with code 255: .*decoding failed"):
        Vvc(32).decompress([bad], (32, 32))


def test_a_decoder_that_goes_on_after_a_bad_unit_is_an_error(programs: Path) -> None:
    """As VVdeC does, whose code is then 0."""
    streams = Vvc(32).compress(photographs(1, 32, 32))
    said = "print('vvdecapp [warning]: (possibly recoverable) exception')"
    program(programs, "vvdecapp", DECODER + said)
    with pytest.raises(ContractError, match="possibly recoverable"):
        Vvc(32).decompress(streams, (32, 32))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys; sys.exit('no memory left')", "ended with code 1: no memory left"),
        ("pass", "ended with code 0 and wrote nothing to stream.266"),
        ("import time; time.sleep(60)", "took more than 0.5 seconds and was stopped"),
        ("import os; os.kill(os.getpid(), 9)", "ended with code -9: it said nothing"),
    ],
)
def test_an_encoder_that_fails_is_an_error_with_its_words(
    programs: Path, source: str, said: str
) -> None:
    program(programs, "vvencapp", source)
    codec = Vvc(32, timeout_s=0.5 if "sleep" in source else 60)
    with pytest.raises(ContractError, match=said):
        codec.compress(photographs(1, 16, 16))


def test_absent_programs_say_how_to_get_them(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs / "vvdecapp").unlink()
    with pytest.raises(CallError, match=r"vvdecapp is not on PATH; .*SQUEEZEBENCH_VVDECAPP"):
        Vvc(32)
    elsewhere = program(programs, "decoder-of-mine", DECODER)
    monkeypatch.setenv("SQUEEZEBENCH_VVDECAPP", str(elsewhere))
    x = photographs(1, 16, 16)
    assert Vvc(32).forward(x).shape == x.shape
    monkeypatch.setenv("SQUEEZEBENCH_VVENCAPP", str(programs / "nothing"))
    with pytest.raises(CallError, match=r"SQUEEZEBENCH_VVENCAPP = '.*nothing' is no program"):
        Vvc(32)


@pytest.mark.parametrize("qp", [-1, 64])
def test_the_quantization_parameter_is_checked(programs: Path, qp: int) -> None:
    with pytest.raises(CallError, match="expected 0 to 63"):
        Vvc(qp)


def test_the_surrogate_of_a_codec_that_loses_nothing_is_near_the_identity(programs: Path) -> None:
    """The stand-in programs lose nothing but half of the chroma."""
    codec, x = Vvc(32), photographs(1, 64, 64).requires_grad_()
    y = codec.surrogate(x)
    assert codec.strength < 2
    assert psnr(y.detach(), codec.forward(x.detach())) > 40
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert (slope != 0).float().mean() > 0.9
