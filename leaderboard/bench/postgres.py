"""A PostgreSQL server of one's own, from the programs of the system's packages."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.errors import EngineError

USER = "squeezebench"
DEBIAN = "/usr/lib/postgresql"
ROOT_MAY_NOT = "postgres"
"""The system's user as whom the server runs where root starts it."""
FAST, CRASH = signal.SIGINT, signal.SIGQUIT
"""How a server is stopped: clients are sent away; or as if the machine had lost its power."""
START_S = 30


def program(name: str) -> str:
    """The path of a program of the server."""
    found = shutil.which(name)
    installed = sorted(Path(DEBIAN).glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3]))
    if found is None and not installed:
        raise EngineError(f"{name} is missing; apt-get install postgresql")
    return found or str(installed[-1])


class Server:
    """A server that is reached through a socket in `folder`; `start` and `stop` it at will."""

    def __init__(self, folder: Path) -> None:
        """Make its files; it does not run yet."""
        self._folder, self._made = folder, 0
        self._as: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            self._as |= {"user": ROOT_MAY_NOT, "group": ROOT_MAY_NOT}
            shutil.chown(folder, ROOT_MAY_NOT, ROOT_MAY_NOT)
        how = ("-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        self._done([program("initdb"), "-D", str(folder / "data"), *how])
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; comes back once it answers."""
        settings = {
            "unix_socket_directories": self._folder,
            "listen_addresses": "",
            "fsync": "off",
            "shared_buffers": "32MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [program("postgres"), "-D", str(self._folder / "data"), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )
        asked = [program("pg_isready"), "-q", "-h", str(self._folder), "-U", USER]
        until = time.monotonic() + START_S
        while subprocess.run(asked, check=False, **self._as).returncode:
            if time.monotonic() > until:
                raise EngineError(f"PostgreSQL in {self._folder} did not start in {START_S} s")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = FAST) -> None:
        """Stop it; comes back once it is gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@/{name}?host={self._folder}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._made += 1
        name = f"runs{self._made}"
        self._done([program("createdb"), "-h", str(self._folder), "-U", USER, name])
        return self.url(name)

    def _done(self, command: list[str]) -> None:
        found = subprocess.run(command, check=False, capture_output=True, text=True, **self._as)
        if found.returncode:
            raise EngineError(f"{Path(command[0]).name} failed: {found.stderr.strip()}")


@contextmanager
def server() -> Iterator[Server]:
    """A server while the context lasts. Its folder's name is short, as a socket's must be."""
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as made:
        found = Server(Path(made))
        try:
            found.start()
            yield found
        finally:
            found.stop()
