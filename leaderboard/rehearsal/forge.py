"""A server on this machine that answers for a bare git repository as GitHub's interface does.

It knows pull requests, their files, commits, trees, blobs and comments: what `leaderboard.pull`
asks for, in the layout of the public documentation of the REST interface.
"""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from leaderboard.record.git import git

REPOSITORY = "project/squeezebench"


@dataclass
class Request:
    """A pull request: who opened it, from which branch, at which commit."""

    number: int
    author: str
    branch: str
    sha: str


@dataclass
class Forge:
    """Pull requests to the branch `main` of the bare repository `bare`, and their comments."""

    bare: Path
    url: str = ""
    requests: dict[int, Request] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)

    def open(self, author: str, branch: str, sha: str) -> Request:
        """A new pull request."""
        request = Request(len(self.requests) + 1, author, branch, sha)
        self.requests[request.number] = request
        return request

    def of(self, number: int) -> list[str]:
        """The comments on a pull request."""
        return [one["body"] for one in self.comments if one["issue"] == number]

    def get(self, path: list[str], query: dict[str, str]) -> Any:
        """The answer to GET, None if there is none."""
        page, size = int(query.get("page", 1)), int(query.get("per_page", 30))
        window = slice((page - 1) * size, page * size)
        match path:
            case ["pulls"]:
                known = [self._pull(r) for r in self.requests.values()]
                wanted = query.get("head")
                return [one for one in known if wanted in (None, one["head"]["label"])][window]
            case ["pulls", number]:
                return self._pull(self.requests[int(number)])
            case ["pulls", number, "files"]:
                return self._files(self.requests[int(number)])[window]
            case ["git", kind, sha]:
                return {"commits": self._commit, "trees": self._tree, "blobs": self._blob}[kind](
                    sha
                )
            case ["issues", number, "comments"]:
                return [one for one in self.comments if one["issue"] == int(number)][window]
        return None

    def send(self, path: list[str], content: dict[str, Any]) -> Any:
        """The answer to POST and PATCH."""
        match path:
            case ["issues", "comments", number]:
                self.comments[int(number) - 1]["body"] = content["body"]
                return self.comments[int(number) - 1]
            case ["issues", number, "comments"]:
                made = {"id": len(self.comments) + 1, "issue": int(number), "body": content["body"]}
                self.comments.append({**made, "user": {"login": "rehearsal", "type": "Bot"}})
                return self.comments[-1]
        return None

    def _pull(self, request: Request) -> dict[str, Any]:
        head = {"sha": request.sha, "label": f"{request.author}:{request.branch}"}
        return {
            "number": request.number,
            "state": "open",
            "user": {"login": request.author, "type": "User"},
            "head": head,
            "base": {"ref": "main"},
        }

    def _files(self, request: Request) -> list[dict[str, Any]]:
        words = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "T": "changed"}
        listed = git(self.bare, "diff", "--name-status", "-z", f"main...{request.sha}").split("\0")
        found = []
        parts = iter(listed)
        for status in parts:
            if not status:
                continue
            name = next(parts)
            before = {}
            if status[0] == "R":
                before, name = {"previous_filename": name}, next(parts)
            found.append({"filename": name, "status": words[status[0]], **before})
        return found

    def _commit(self, sha: str) -> dict[str, Any]:
        tree = git(self.bare, "rev-parse", f"{sha}^{{tree}}").strip()
        return {"sha": sha, "tree": {"sha": tree}}

    def _tree(self, sha: str) -> dict[str, Any]:
        entries = []
        for line in git(self.bare, "ls-tree", "--long", "-z", sha).split("\0"):
            if line:
                told, name = line.split("\t", 1)
                mode, kind, entry, size = told.split()
                one = {"path": name, "mode": mode, "type": kind, "sha": entry}
                entries.append(one if size == "-" else {**one, "size": int(size)})
        return {"sha": sha, "tree": entries, "truncated": False}

    def _blob(self, sha: str) -> dict[str, Any]:
        content = git(self.bare, "cat-file", "blob", sha).encode("utf-8", "surrogateescape")
        return {"sha": sha, "encoding": "base64", "content": b64encode(content).decode()}


@contextmanager
def serving(forge: Forge) -> Iterator[Forge]:
    """The forge, answering at its `url` until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._reply(lambda path: forge.get(path, query))

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._reply(lambda path: forge.send(path, content))

        do_PATCH = do_POST  # noqa: N815 (the name that the server looks for)

        def _reply(self, answer: Callable[[list[str]], Any]) -> None:
            prefix = f"/repos/{REPOSITORY}/"
            path = urlsplit(self.path).path
            try:
                found = answer(path.removeprefix(prefix).split("/"))
            except KeyError:
                found = None
            known = found is not None and path.startswith(prefix)
            body = json.dumps(found if known else {"message": "Not Found"}).encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        forge.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield forge
        finally:
            server.shutdown()
            thread.join()
