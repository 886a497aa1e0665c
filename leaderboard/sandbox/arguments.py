"""What the box shows of this machine: the arguments of bwrap."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.handed import WEIGHTS_VARIABLE
from benchmark.places import DATA_VARIABLE, cache_folder, data_folder
from leaderboard.sandbox.limits import Limits

PROJECT = Path(__file__).resolve().parents[2]
INSIDE = ("leaderboard/__init__.py", "leaderboard/sandbox")
"""Of `leaderboard`, what the worker needs."""
LABELS = ("benchmark/datasets", "benchmark/protocols")
"""Of `benchmark`, what a submission must not see: the lists of test pictures with their labels."""
UNLABELED = ("benchmark/datasets/photos.py", "benchmark/datasets/pictures.py")
"""Of these, what the codecs of the api fit their surrogates with: photographs without labels."""
NOTHING = "leaderboard/__init__.py"
"""A module without content, which stands for the hidden package."""
SUBMISSION, WEIGHTS, CODE, PYTHON = "/submission", "/weights", "/code", "/python"
SYSTEM = ("lib", "lib32", "lib64", "libx32", "bin")
SETTINGS = ("etc/ld.so.cache", "etc/alternatives")
PROGRAMS = ("SQUEEZEBENCH_VVENCAPP", "SQUEEZEBENCH_VVDECAPP")
"""Variables that name a codec's program; the program is shown where it is."""
PASSED = ("MKL_CBWR", "CUBLAS_WORKSPACE_CONFIG", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")
"""Variables that decide arithmetic, which must be the same inside."""
CUDA_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")

FENCE = (
    *("--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent"),
    *("--new-session", "--clearenv", "--cap-drop", "ALL", "--hostname", "box"),
    *("--uid", "1000", "--gid", "1000"),
)
"""Every namespace of its own, no way to make more, nothing left of whoever started it."""


@dataclass(frozen=True)
class Shown:
    """What a submission gets to see: its folder, and the folder of its weights.

    `device` is `cpu` or `cuda`, the first device that this process sees; `threads` are torch's.
    """

    folder: Path
    weights: Path | None = None
    device: str = "cpu"
    threads: int = 1


def arguments(shown: Shown, limits: Limits) -> list[str]:
    """The arguments of bwrap, before the command; for `--args`, so that they stay out of /proc."""
    return [
        *FENCE,
        *_system(),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", str(limits.shared), "--tmpfs", "/dev/shm"),  # noqa: S108 (in the box)
        *("--size", str(limits.files), "--tmpfs", "/tmp"),  # noqa: S108
        *_python(),
        *_code(),
        *("--ro-bind", str(shown.folder.resolve()), SUBMISSION),
        *_weights(shown.weights),
        *(_cuda() if shown.device != "cpu" else ()),
        *_environment(shown),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"),  # noqa: S108
    ]


def command() -> list[str]:
    """The interpreter inside, and how it begins."""
    return [
        _interpreter(),
        "-S",
        "-s",
        "-P",
        "-m",
        "leaderboard.sandbox.starting",
        "leaderboard.sandbox.worker",
    ]


def _bind(source: Path | str, place: str) -> tuple[str, ...]:
    return ("--ro-bind", str(source), place)


def _system() -> Iterator[str]:
    """The system's libraries, where programs look for them."""
    yield from _bind("/usr", "/usr")
    for name in SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        elif path.is_dir():
            yield from _bind(path, str(path))
    for name in SETTINGS:
        yield from ("--ro-bind-try", f"/{name}", f"/{name}")


def _real_python() -> tuple[Path, Path]:
    """The interpreter behind a virtual environment's link, and the folder it is installed in."""
    return Path(sys.executable).resolve(), Path(sys.base_prefix).resolve()


def _interpreter() -> str:
    program, prefix = _real_python()
    if prefix == Path("/usr"):
        return str(program)
    if program.is_relative_to(prefix):
        return f"{PYTHON}/{program.relative_to(prefix)}"
    return f"{PYTHON}/bin/{program.name}"


def packages() -> list[Path]:
    """The folders of installed packages that this process imports from."""
    found = [Path(entry).resolve() for entry in sys.path if entry]
    return [path for path in found if path.name.endswith("-packages") and path.is_dir()]


def _python() -> Iterator[str]:
    _, prefix = _real_python()
    if prefix != Path("/usr"):
        yield from _bind(prefix, PYTHON)
    for number, path in enumerate(packages()):
        yield from _bind(path, f"/packages{number}")
        if (path / "leaderboard").is_dir():
            yield from ("--tmpfs", f"/packages{number}/leaderboard")
            yield from ("--remount-ro", f"/packages{number}/leaderboard")


def _code() -> Iterator[str]:
    yield from _bind(PROJECT / "benchmark", f"{CODE}/benchmark")
    for hidden in LABELS:
        yield from ("--tmpfs", f"{CODE}/{hidden}")
    for name in UNLABELED:
        yield from _bind(PROJECT / name, f"{CODE}/{name}")
    yield from _bind(PROJECT / NOTHING, f"{CODE}/benchmark/datasets/__init__.py")
    for hidden in LABELS:
        yield from ("--remount-ro", f"{CODE}/{hidden}")
    for name in INSIDE:
        yield from _bind(PROJECT / name, f"{CODE}/{name}")


def _weights(weights: Path | None) -> Iterator[str]:
    """The submission's own, and those that the codecs of the api find by name."""
    if weights is not None:
        yield from _bind(weights.resolve(), WEIGHTS)
    data = data_folder()
    if data is not None and (data / "weights").is_dir():
        yield from _bind((data / "weights").resolve(), "/data/weights")
        yield from ("--setenv", DATA_VARIABLE, "/data")
    yield from _bind(cache_folder("weights"), "/cache/squeezebench/weights")


def _environment(shown: Shown) -> Iterator[str]:
    home = "/tmp"  # noqa: S108 (in the box)
    numbered = [f"/packages{number}" for number in range(len(packages()))]
    values = {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "USER": "box",
        "LANG": "C.UTF-8",
        "PYTHONPATH": ":".join([CODE, *numbered]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "LD_LIBRARY_PATH": f"{PYTHON}/lib",
        "XDG_CACHE_HOME": "/cache",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(shown.threads),
        "MKL_NUM_THREADS": str(shown.threads),
        "OMP_WAIT_POLICY": "passive",  # a thread that spins starves the harness
        **{name: os.environ[name] for name in PASSED if name in os.environ},
    }
    if shown.weights is not None:
        values[WEIGHTS_VARIABLE] = WEIGHTS
    for name, value in values.items():
        yield from ("--setenv", name, value)
    for variable in PROGRAMS:
        program = shutil.which(os.environ.get(variable, ""))
        if program:
            yield from (*_bind(program, program), "--setenv", variable, program)


def cuda_nodes() -> Sequence[Path]:
    """The device files that a box needs for the first CUDA device that this process sees."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] or "0"
    number = visible if visible.isdecimal() else "0"
    return [Path("/dev", name) for name in (*CUDA_NODES, f"nvidia{number}")]


def _cuda() -> Iterator[str]:
    for node in cuda_nodes():
        yield from ("--dev-bind-try", str(node), str(node))
    for module in sorted(Path("/sys/module").glob("nvidia*")):
        yield from _bind(module, str(module))
