"""Weight files: where they are looked for, how they are fetched, and what a wrong one says."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmark.errors import DataError
from benchmark.places import cache_folder
from benchmark.weights import find, read_weights

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "net.safetensors"


@dataclass
class Server:
    """A file server on this machine; `asked` are the ranges of the requests it saw."""

    url: str
    content: bytes = CONTENT
    ranges: bool = True
    cut: int | None = None
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers["Range"]
            served.asked.append(asked)
            if self.path != f"/{NAME}":
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and served.ranges else 0
            if start >= len(served.content):
                self.send_error(416)
                return
            rest = served.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: served.cut])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        served = Server(f"http://127.0.0.1:{listening.server_port}/{NAME}")
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield served
        listening.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _online_with_an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def cached() -> list[str]:
    """Files in the cache, the lock aside."""
    files = cache_folder("weights").iterdir()
    return sorted(file.name for file in files if file.suffix != ".lock")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data" / "weights").mkdir(parents=True)
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "weights"


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8], None])
def test_a_fresh_download_is_kept(server: Server, sha256: str | None) -> None:
    for _ in range(2):
        found = find(NAME, url=server.url, sha256=sha256, size=len(CONTENT))
        assert found.read_bytes() == CONTENT
    assert server.asked == [None]
    assert cached() == [NAME]


def test_a_broken_download_goes_on_where_it_broke(server: Server) -> None:
    server.cut = 300_000
    with pytest.raises(DataError, match="broke after 300000 of 1048576 bytes; call again to go on"):
        find(NAME, url=server.url, sha256=SHA256)
    assert cached() == [f"{NAME}.part"]
    server.cut = None
    assert find(NAME, url=server.url, sha256=SHA256).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]
    assert cached() == [NAME]


def test_a_server_without_ranges_sends_everything_again(server: Server) -> None:
    server.ranges = False
    (cache_folder("weights") / f"{NAME}.part").write_bytes(b"other" * 1000)
    assert find(NAME, url=server.url, sha256=SHA256).read_bytes() == CONTENT


def test_a_part_that_is_whole_needs_no_byte_more(server: Server) -> None:
    (cache_folder("weights") / f"{NAME}.part").write_bytes(CONTENT)
    assert find(NAME, url=server.url, sha256=SHA256).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def test_several_workers_fetch_it_once(server: Server) -> None:
    found: list[Path] = []
    calls = [
        threading.Thread(target=lambda: found.append(find(NAME, url=server.url, sha256=SHA256)))
        for _ in range(4)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert [path.read_bytes() == CONTENT for path in found] == [True] * 4
    assert server.asked == [None]


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"sha256": "0" * 64}, "has sha256 .{12}…, expected 000000000000…; it was removed"),
        ({"sha256": "0" * 8}, "has sha256 .{12}…, expected 00000000 at its beginning; it was rem"),
        ({"size": 5}, "has 1048576 bytes, expected 5; it was removed"),
    ],
)
def test_another_file_than_expected_is_removed(
    server: Server, expected: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        find(NAME, url=server.url, **expected)
    assert cached() == []


def test_what_cannot_be_fetched_is_named(server: Server) -> None:
    with pytest.raises(DataError, match=r"could not be fetched from http.*other: HTTP Error 404"):
        find("other", url=server.url.replace(NAME, "other"))
    assert cached() == []


def test_a_server_that_does_not_answer() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as listening:
        port = listening.server_port
    with pytest.raises(DataError, match=r"could not be fetched from .*Connection refused"):
        find(NAME, url=f"http://127.0.0.1:{port}/{NAME}")


def test_offline_nothing_is_asked_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError) as caught:
        find(NAME, url=server.url)
    said = str(caught.value)
    assert f"{NAME} is missing: looked for {cache_folder('weights') / NAME}" in said
    assert "HF_HUB_OFFLINE forbids" in said
    assert "SQUEEZEBENCH_DATA may name another folder, with a folder `weights`" in said
    assert server.asked == []


def test_a_file_without_address_is_asked_of_the_user(data: Path) -> None:
    with pytest.raises(DataError, match=rf"looked for {data / NAME}, .*; put it there$"):
        find(NAME)


def test_the_data_folder_comes_first(data: Path, server: Server) -> None:
    (cache_folder("weights") / NAME).write_bytes(b"cached")
    (data / NAME).write_bytes(CONTENT)
    assert find(NAME, url=server.url, sha256=SHA256, size=len(CONTENT)) == data / NAME
    assert server.asked == []


def test_a_wrong_file_of_the_user_stays(data: Path, server: Server) -> None:
    (data / NAME).write_bytes(b"mine")
    with pytest.raises(DataError, match=r"has sha256 .*; put the right file there"):
        find(NAME, url=server.url, sha256=SHA256)
    assert (data / NAME).read_bytes() == b"mine"
    assert server.asked == []


def test_both_formats_are_read(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(1)}
    save_file(tensors, tmp_path / "w.safetensors")
    wrapped = {"state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}}
    torch.save(wrapped, tmp_path / "w.pth.tar")
    for path in tmp_path.glob("w.*"):
        read = read_weights(path, None)
        assert sorted(read) == ["a", "b"]
        assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save(Bomb(), tmp_path / "bomb.pth")
    with pytest.raises(DataError, match="is no readable weight file"):
        read_weights(tmp_path / "bomb.pth", None)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_a_file_that_is_not_there(tmp_path: Path, sha256: str | None) -> None:
    with pytest.raises(DataError, match=r"there is no file .*gone.safetensors, expected one"):
        read_weights(tmp_path / "gone.safetensors", sha256)
