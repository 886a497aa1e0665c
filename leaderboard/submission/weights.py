"""The weights that a manifest names, fetched by the harness: the submission has no network."""

import ipaddress
import os
import shutil
import socket
import urllib.request
from http.client import HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from filelock import FileLock

from benchmark.errors import DataError
from benchmark.fetching import FOLDER, OFFLINE_VARIABLE, check, download
from benchmark.places import cache_folder, data_folder
from leaderboard.submission.loading import Submission
from leaderboard.submission.manifest import WeightFile


def weights_folder(submission: Submission) -> Path | None:
    """A folder with the submission's weights under their names, read only; None if it has none."""
    wanted = submission.manifest.weights
    if not wanted:
        return None
    folder = cache_folder("handed") / submission.hash
    folder.mkdir(exist_ok=True)
    for one in wanted:
        target = folder / one.name
        if not target.exists():
            _place(_found(one), target)
        check(target, one.sha256, one.bytes, "remove it and call again")
    return folder


def _found(wanted: WeightFile) -> Path:
    """The file in the data folder or the cache, else fetched."""
    data = data_folder()
    if data and (path := data / FOLDER / wanted.name).is_file():
        check(path, wanted.sha256, wanted.bytes, "put the right file there")
        return path
    # Under its hash: two submissions may give different files one name.
    cached = cache_folder("submitted") / wanted.sha256
    if cached.is_file():
        return cached
    if os.environ.get(OFFLINE_VARIABLE, "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise DataError(
            f"{wanted.name} is missing, and {OFFLINE_VARIABLE} forbids to fetch {wanted.url}; put "
            f"it into the folder {FOLDER} of SQUEEZEBENCH_DATA"
        )
    with FileLock(f"{cached}.lock"):
        if not cached.is_file():
            refuse_private(wanted.url)
            download(
                wanted.url,
                cached,
                sha256=wanted.sha256,
                size=wanted.bytes,
                remedy=f"put it into the folder {FOLDER} of SQUEEZEBENCH_DATA",
                opener=urllib.request.build_opener(_PublicRedirects),
            )
    return cached


def refuse_private(url: str) -> None:
    """Raise unless `url` is https and its host has public addresses alone.

    A stranger chooses the address and our machine asks: it must not be led to the machine itself or
    to a neighbor such as a cloud's metadata service.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise DataError(f"{url} is not fetched: expected an https address")
    try:
        found = socket.getaddrinfo(parts.hostname, 443, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise DataError(f"{url} could not be fetched: {problem}; call again to go on") from problem
    for entry in found:
        address = ipaddress.ip_address(str(entry[4][0]).partition("%")[0])
        if not address.is_global or address.is_multicast:
            raise DataError(
                f"{url} is not fetched: {parts.hostname} is {address}, no public server"
            )


class _PublicRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only where the first address could have led."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        refuse_private(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _place(source: Path, target: Path) -> None:
    """A copy of `source` at `target`, whole or not at all, that nobody may write."""
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        shutil.copyfile(source, partial)
        partial.chmod(0o444)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
