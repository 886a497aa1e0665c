"""Weight files: found on this machine or fetched once, checked against their hash, read safely."""

import hashlib
import os
import pickle
import shutil
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from benchmark.errors import DataError
from benchmark.places import DATA_VARIABLE, cache_folder, data_folder

FOLDER = "weights"
"""Where weights lie in the data folder, and in the cache."""
OFFLINE_VARIABLE = "HF_HUB_OFFLINE"
PATIENCE = 30
"""Seconds without an answer after which a download is given up."""
UNREADABLE = (
    SafetensorError,
    pickle.UnpicklingError,
    OSError,
    EOFError,
    KeyError,
    RuntimeError,
    ValueError,
)


def find(
    name: str, *, url: str | None = None, sha256: str | None = None, size: int | None = None
) -> Path:
    """The weight file `name`: in the data folder, in the cache, else fetched from `url`.

    `sha256` may be the first digits of the hash, as some publishers put them into file names;
    `size` is in bytes. Where they are given, a file that differs is an error.
    """
    data = data_folder()
    cached = cache_folder(FOLDER) / name
    candidates = [data / FOLDER / name, cached] if data else [cached]
    for path in candidates:
        if path.is_file():
            _check(path, sha256, size, "put the right file there")
            return path
    searched = ", ".join(map(str, candidates))
    hint = "" if data else f"; {DATA_VARIABLE} may name another folder, with a folder `{FOLDER}`"
    where = f"put it there{hint}"
    if url is None:
        raise DataError(f"{name} is missing: looked for {searched}; {where}")
    if os.environ.get(OFFLINE_VARIABLE, "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise DataError(
            f"{name} is missing: looked for {searched}, and {OFFLINE_VARIABLE} forbids to fetch "
            f"{url}; {where}"
        )
    with FileLock(f"{cached}.lock"):  # another worker may be fetching it
        if not cached.is_file():
            _download(url, cached, sha256, size, where)
    return cached


def _download(url: str, path: Path, sha256: str | None, size: int | None, where: str) -> None:
    """Fetch `url` to `path`; what a broken connection leaves is where the next call goes on."""
    part = path.with_name(f"{path.name}.part")
    try:
        _fetch(url, part)
    except (OSError, HTTPException) as problem:
        raise DataError(
            f"{path.name} could not be fetched from {url}: {problem}; call again to go on, or "
            f"fetch it by other means and {where}"
        ) from problem
    try:
        _check(part, sha256, size, f"it was removed; fetch it by other means and {where}")
    except DataError:
        part.unlink()
        raise
    part.replace(path)


def _fetch(url: str, part: Path) -> None:
    """Append to `part` what it lacks of the file at `url`."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (a table of ours has it)
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310
    except urllib.error.HTTPError as problem:
        if start and problem.code == 416:  # nothing after `start`: the file is whole already
            return
        raise
    with answer, part.open("ab") as out:
        if answer.status != 206:  # the server begins anew
            out.truncate(start := 0)
        shutil.copyfileobj(answer, out)
        length = answer.headers.get("Content-Length")
        got = out.tell() - start
        if length is not None and got != int(length):
            raise OSError(f"the connection broke after {got} of {length} bytes")


def _check(path: Path, sha256: str | None, size: int | None, remedy: str) -> None:
    given = path.stat().st_size
    if size is not None and given != size:
        raise DataError(f"{path} has {given} bytes, expected {size}; {remedy}")
    if sha256 is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(sha256.lower()):
        raise DataError(
            f"{path} has sha256 {found[:12]}…, expected {sha256[:12]}"
            f"{'…' if len(sha256) > 12 else ' at its beginning'}; {remedy}"
        )


def read_weights(path: Path, sha256: str | None) -> dict[str, Tensor]:
    """A state dict from a safetensors or torch file; pickled code is never run."""
    _check(path, sha256, None, "fetch the file again")
    try:
        if path.suffix == ".safetensors":
            tensors: dict[str, Tensor] = load_file(path)
            return tensors
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as problem:
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise DataError(f"{path} is no readable weight file: {reason}") from problem
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise DataError(f"{path} holds no state dict; expected tensors by name")
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}
