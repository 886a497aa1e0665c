"""The few calls to GitHub's REST interface that a pull request needs."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from benchmark.errors import CallError, DataError
from benchmark.tables import brief

TOKEN_VARIABLE = "GITHUB_TOKEN"  # noqa: S105 (the name of a variable)
PUBLIC = "https://api.github.com"
PATIENCE = 30
LARGEST = 64 * 2**20
PAGE = 100
MOST_PAGES = 30
LOOPBACK = {"127.0.0.1", "localhost"}


class Api:
    """A repository `owner/name` at the interface's address `url`.

    A token in `GITHUB_TOKEN` is sent to https addresses and to this machine alone.
    """

    def __init__(self, repository: str, url: str = PUBLIC) -> None:
        """Nothing is asked yet."""
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise CallError(f"--api {url}: expected an https address")
        if repository.count("/") != 1 or not all(repository.split("/")):
            raise CallError(f"--repository {repository!r}: expected OWNER/NAME")
        self._root = f"{url.rstrip('/')}/repos/{quote(repository)}"

    def get(self, path: str, **query: object) -> Any:
        """What the interface answers."""
        words = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
        return self._ask("GET", f"{path}?{words}" if words else path, None)

    def all(self, path: str, **query: object) -> Iterator[Any]:
        """Every item of a list that comes in pages."""
        for page in range(1, MOST_PAGES + 1):
            items = self.get(path, per_page=PAGE, page=page, **query)
            if not isinstance(items, list):
                raise DataError(f"{self._root}/{path}: expected a list, given something else")
            yield from items
            if len(items) < PAGE:
                return

    def send(self, method: str, path: str, content: Mapping[str, Any]) -> Any:
        """Have something made or changed."""
        return self._ask(method, path, json.dumps(content).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        url = f"{self._root}/{path}"
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "squeezebench",
        }
        if token := os.environ.get(TOKEN_VARIABLE):
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 (checked)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
                content = answer.read(LARGEST + 1)
        except urllib.error.HTTPError as problem:
            said = brief(problem.read(2000).decode(errors="replace"), 300)
            raise DataError(f"{method} {url}: {problem.code} {problem.reason}: {said}") from problem
        except OSError as problem:
            raise DataError(f"{method} {url}: {problem}; try again") from problem
        if len(content) > LARGEST:
            raise DataError(f"{method} {url}: more than {LARGEST} bytes")
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise DataError(f"{method} {url}: the answer is not JSON") from None
