"""Files fetched once from an address, checked against size and hash, resumed where they broke."""

import hashlib
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmark.errors import DataError
from benchmark.places import DATA_VARIABLE, cache_folder, data_folder

FOLDER = "weights"
"""Where weights lie in the data folder, and in the cache."""
OFFLINE_VARIABLE = "HF_HUB_OFFLINE"
PATIENCE = 30
"""Seconds without an answer after which a download is given up."""
CHUNK = 2**20


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
            check(path, sha256, size, "put the right file there")
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
            download(url, cached, sha256=sha256, size=size, remedy=where)
    return cached


def download(
    url: str,
    path: Path,
    *,
    sha256: str | None,
    size: int | None,
    remedy: str,
    opener: urllib.request.OpenerDirector | None = None,
) -> None:
    """Fetch `url` to `path`; what a broken connection leaves is where the next call goes on.

    No more than `size` bytes are kept. `remedy` says what else a user can do; `opener` decides
    which addresses are followed, urllib's own unless given.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        _fetch(url, part, size, opener or urllib.request.build_opener())
    except (OSError, HTTPException) as problem:
        raise DataError(
            f"{path.name} could not be fetched from {url}: {problem}; call again to go on, or "
            f"fetch it by other means and {remedy}"
        ) from problem
    try:
        check(part, sha256, size, f"it was removed; fetch it by other means and {remedy}")
    except DataError:
        part.unlink()
        raise
    part.replace(path)


def _fetch(url: str, part: Path, size: int | None, opener: urllib.request.OpenerDirector) -> None:
    """Append to `part` what it lacks of the file at `url`."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (see `opener`)
    try:
        answer = opener.open(request, timeout=PATIENCE)
    except urllib.error.HTTPError as problem:
        if start and problem.code == 416:  # nothing after `start`: the file is whole already
            return
        raise
    with answer, part.open("ab") as out:
        if answer.status != 206:  # the server begins anew
            out.truncate(start := 0)
        _copy(answer, out, size)
        length = answer.headers.get("Content-Length")
        got = out.tell() - start
        if length is not None and got < int(length) and (size is None or out.tell() <= size):
            raise OSError(f"the connection broke after {got} of {length} bytes")


def _copy(source: Any, target: Any, size: int | None) -> None:
    """Copy until the end, or until `target` has more than `size` bytes."""
    while chunk := source.read(CHUNK):
        target.write(chunk)
        if size is not None and target.tell() > size:
            return


def check(path: Path, sha256: str | None, size: int | None, remedy: str) -> None:
    """Raise a DataError with the `remedy` unless the file is there, of this size and hash."""
    if not path.is_file():
        digest = f" of sha256 {sha256[:12]}…" if sha256 else ""
        raise DataError(f"there is no file {path}, expected one{digest}; {remedy}")
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
