"""A real box: what is in it, how it ends, and that nothing of it stays."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmark.errors import BoxError, ContractError, SubmissionError
from leaderboard.sandbox.arguments import CODE, Shown
from leaderboard.sandbox.limits import Limits, as_words, from_words
from leaderboard.sandbox.plugins import Boxes
from leaderboard.sandbox.watch import KEPT_OUTPUT, Output, harmless, usage
from tests.boxes import boxed, boxes, images_of, written

PROBE = """
import json
import os
import resource
import sys
from pathlib import Path

HEAVY = {"compressai", "datasets", "scipy", "timm", "torchvision"}


class Own(Defense):
    def forward(self, x: Images) -> Images:
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        print(json.dumps({
            "environment": dict(os.environ),
            "root": sorted(os.listdir("/")),
            "code": sorted(os.listdir("/code/leaderboard")),
            "datasets": sorted(os.listdir("/code/benchmark/datasets")),
            "processes": [name for name in os.listdir("/proc") if name.isdecimal()],
            "first": Path("/proc/1/cmdline").read_text(),
            "capabilities": status["CapEff"].strip() + status["CapBnd"].strip(),
            "no_new_privileges": status["NoNewPrivs"].strip(),
            "seccomp": status["Seccomp"].strip(),
            "network": Path("/proc/net/dev").read_text(),
            "devices": sorted(os.listdir("/dev")),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "threads": torch.get_num_threads(),
            "heavy": sorted(HEAVY & set(sys.modules)),
            "user": [os.getuid(), os.getgid(), os.uname().nodename],
        }), flush=True)
        return x
"""


@pytest.mark.usefixtures("sandbox")
def test_what_is_in_a_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    spec = written(tmp_path / "own", PROBE)
    with boxes(spec) as made:
        plugin = made.make()
        plugin.forward(images_of())
        time.sleep(0.5)
        found = json.loads(made.outputs[0].splitlines()[-1])  # torch may warn before it
    assert "TOKEN" not in found["environment"]
    assert found["environment"]["OMP_WAIT_POLICY"] == "passive"
    assert str(tmp_path) not in json.dumps({**found, "environment": {}})
    assert "home" not in found["root"]
    assert "root" not in found["root"]
    assert found["code"] == ["__init__.py", "sandbox"]
    assert found["datasets"] == ["__init__.py", "photos.py", "pictures.py"]
    assert len(found["processes"]) == 2
    assert "submission" not in found["first"]
    assert set(found["capabilities"]) == {"0"}
    assert (found["no_new_privileges"], found["seccomp"]) == ("1", "2")
    interfaces = [line.split(":")[0].strip() for line in found["network"].splitlines()[2:]]
    assert set(interfaces) <= {"lo"}
    assert not {"kvm", "fuse", "sda", "vda", "mem"} & set(found["devices"])
    assert found["descriptors"] == 9  # three streams, three of ours, two maps, the listing itself
    assert found["core"] == [0, 0]
    assert found["threads"] == 1
    assert found["heavy"] == []  # seconds of a start
    assert found["user"] == [1000, 1000, "box"]


@pytest.mark.usefixtures("sandbox")
def test_every_plugin_has_a_box_of_its_own(tmp_path: Path) -> None:
    body = (
        "from pathlib import Path\n\n\nclass Own(Defense):\n"
        "    def forward(self, x: Images) -> Images:\n"
        "        mark = Path('/tmp/mark')\n        seen = mark.exists()\n        mark.touch()\n"
        "        return x * (not seen)\n"
    )
    with boxes(written(tmp_path, body)) as made:
        one, other = made.make(), made.make()
        assert one.forward(images_of()).any()
        assert not one.forward(images_of()).any()
        assert other.forward(images_of()).any()


@pytest.mark.usefixtures("sandbox")
def test_nothing_of_a_box_stays(tmp_path: Path) -> None:
    body = (
        "import os\n\n\nclass Own(Defense):\n    def forward(self, x: Images) -> Images:\n"
        "        if os.fork() == 0:\n            os.setsid()\n            while True:\n"
        "                pass\n        return x\n"
    )
    before, descriptors = usage(os.getpid()).processes, len(os.listdir("/proc/self/fd"))
    with boxes(written(tmp_path, body)) as made:
        made.make().forward(images_of())
        assert usage(os.getpid()).processes >= before + 4
    deadline = time.monotonic() + 20
    while usage(os.getpid()).processes > before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert usage(os.getpid()).processes == before
    assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("statement", "error", "said"),
    [
        (
            "raise RuntimeError('no luck')",
            ContractError,
            r"RuntimeError at defense.py:\d+: no luck",
        ),
        ("raise SystemExit(3)", ContractError, "SystemExit"),
        ("torch.relu('x')", ContractError, r"TypeError at defense.py:\d+: "),
        (
            "import urllib.request as u; u.urlopen('http://localhost:9')",
            ContractError,
            r"URLError at defense.py:\d+: .* \(the sandbox has no network, and no files but",
        ),
        (
            "import os; os._exit(3)",
            BoxError,
            "ended with code 3 during 'forward grad'; its last words: .*bye",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            BoxError,
            "was killed by signal 9 during 'forward grad'",
        ),
        ("import os; os.closerange(3, 9999)", BoxError, "ended with code|hung up"),
        ("return None", ContractError, "Own.forward returned NoneType, expected a tensor"),
        ("return (x * 255).to(torch.uint8)", ContractError, "torch.uint8, expected floats"),
    ],
)
def test_how_it_ends(tmp_path: Path, statement: str, error: type[Exception], said: str) -> None:
    body = (
        "class Own(Defense):\n    def forward(self, x: Images) -> Images:\n"
        f"        print('bye', flush=True)\n        {statement}\n"
    )
    with boxed(written(tmp_path, body)) as plugin:
        with pytest.raises(error, match=said):
            plugin.forward(images_of())
        if error is ContractError:  # one answer that fails is not the end
            with pytest.raises(error, match=said):
                plugin.forward(images_of())


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("class Other(Defense):\n    pass\n", "defines no class Own, which the manifest names"),
        (
            "class Own(Codec):\n    pass\n",
            "the manifest says kind = 'purifier', but Own is a codec",
        ),
        ("class Own(Defense):\n    randomized = True\n", "but Own.randomized is True"),
        ("class Own(Defense):\n    def __init__(self, q):\n        pass\n", "missing 1 required"),
        ("def Own():\n    pass\n", "defines no class Own"),
    ],
)
def test_a_class_that_is_not_what_the_manifest_says(tmp_path: Path, body: str, said: str) -> None:
    with boxes(written(tmp_path, body)) as made, pytest.raises(SubmissionError, match=said):
        made.make()


@pytest.mark.usefixtures("sandbox")
def test_a_start_that_takes_too_long(tmp_path: Path) -> None:
    spec = written(tmp_path, "import time\n\ntime.sleep(600)\n\n\nclass Own(Defense):\n    pass\n")
    with boxes(spec, Limits(start_s=5)) as made, pytest.raises(BoxError) as caught:
        made.make()
    assert caught.value.status == "timeout"


@pytest.mark.usefixtures("sandbox")
def test_weights_are_shown_and_cannot_be_changed(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "scale.txt").write_text("0.5")
    body = (
        "from benchmark.api import weights_file\n\n\nclass Own(Defense):\n"
        "    def forward(self, x: Images) -> Images:\n"
        "        path = weights_file('scale.txt')\n        try:\n            path.write_text('1')\n"
        "        except OSError:\n            return x * float(path.read_text())\n"
        "        return x\n"
    )
    spec = written(tmp_path / "own", body)
    with Boxes(spec, Shown(Path(spec.source).parent, weights)) as made:
        x = images_of()
        assert torch.equal(made.make().forward(x), x / 2)


def test_what_a_box_spares_of_compressai() -> None:
    code = (
        "import sys; from leaderboard.sandbox.spared import spare; spare(); "
        "import compressai.models, compressai.zoo; "
        "from benchmark.codecs.mini import load; load('mini-elic', 'high'); "
        "slow = {'torchvision', 'torch_geometric', 'torch._dynamo', 'scipy.stats._stats_py'}; "
        "print(*(slow & {*sys.modules})); "
        "import scipy.stats; print(scipy.stats.norm.ppf(0.5)); "
        "from compressai.datasets import ImageFolder"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout == "\n0.0\n", done.stderr
    assert "ImportError: cannot import name 'ImageFolder'" in done.stderr


def test_an_engine_s_worker_begins_without_the_compiler_which_works_when_asked() -> None:
    code = (
        "import sys; from leaderboard.sandbox.spared import spare, without_compiler; spare()\n"
        "with without_compiler():\n    import leaderboard.engine.worker\n"
        "print(*({'torch_geometric', 'torch._dynamo', 'scipy.stats._stats_py'} & {*sys.modules}))\n"
        "import torch, torchvision\n"
        "boxes = torch.tensor([[0, 0.0, 0, 4, 4]])\n"
        "print(torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), boxes, 1).item())\n"
        "print(torch.compile(lambda x: 2 * x, backend='eager')(torch.ones(1)).item())\n"
        "print('torch._dynamo.convert_frame' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout == "\n1.0\n2.0\nTrue\n", done.stderr


@pytest.mark.usefixtures("sandbox")
def test_a_box_without_device_memory_goes_on(tmp_path: Path) -> None:
    """It is asked for fewer pictures; one without memory of the system's is at its end."""
    body = (
        "class Own(Defense):\n    def forward(self, x: Images) -> Images:\n"
        "        if len(x) > 1:\n            raise torch.OutOfMemoryError('planted')\n"
        "        return x / 2\n"
    )
    x = images_of()
    with boxed(written(tmp_path / "own", body)) as defense:
        with pytest.raises(torch.OutOfMemoryError, match=r"in the box: .*planted"):
            defense.forward(x)
        assert torch.equal(defense.forward(x[:1]), x[:1] / 2)


def test_limits_are_words() -> None:
    limits = Limits(call_s=2.5, memory=7, device_share=0.125)
    assert from_words(as_words(limits)) == limits


def test_output_is_cut_and_harmless() -> None:
    output = Output()
    output.add(b"first")
    for _ in range(100):
        output.add(b"x" * 4096)
    output.add(b"\x1b[31mlast\x1b]0;title\x07\xc2\x9b\r\n\tword\x00")
    said = str(output)
    assert output.total > 400_000
    assert len(said) <= KEPT_OUTPUT
    assert said.endswith("xlast\n\tword")
    assert harmless("a\u202eb\u200bc") == "abc"


def test_the_code_inside_is_the_project_s() -> None:
    assert CODE == "/code"


@pytest.mark.gpu
def test_a_box_with_a_gpu(tmp_path: Path) -> None:
    """The same pictures and gradients as on the same device without a box."""
    body = (
        "class Own(Defense):\n    def forward(self, x: Images) -> Images:\n"
        "        assert x.is_cuda\n        return x.square().sqrt()\n"
    )
    spec = written(tmp_path, body)
    x = images_of().cuda().requires_grad_()
    with Boxes(spec, Shown(tmp_path, device="cuda")) as made:
        y = made.make().estimated("exact", x)  # type: ignore[union-attr]
        (slope,) = torch.autograd.grad(y.sum(), x)
    expected = x.square().sqrt()
    assert y.is_cuda
    assert torch.equal(y, expected)
    assert torch.equal(slope, torch.autograd.grad(expected.sum(), x)[0])
