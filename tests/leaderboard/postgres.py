"""A PostgreSQL server of the tests' own, from the programs of the system's packages."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

USER = "squeezebench"
DEBIAN = "/usr/lib/postgresql"
ROOT_MAY_NOT = "postgres"
"""The system's user as whom the server runs when the tests run as root."""


def program(name: str) -> str:
    """The path of a program of the server; without one the test skips, in CI it fails."""
    found = shutil.which(name)
    installed = sorted(Path(DEBIAN).glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3]))
    if found is None and not installed:
        reason = f"{name} is missing; apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found or str(installed[-1])


class Server:
    """A running server, reached through a socket in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@/{name}?host={self._folder}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._made += 1
        name = f"runs{self._made}"
        with psycopg.connect(self._connection("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def _connection(self, name: str) -> str:
        return f"host={self._folder} user={USER} dbname={name}"

    def wait(self) -> None:
        """Come back once it answers."""
        for _ in range(600):
            try:
                psycopg.connect(self._connection("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        pytest.fail("PostgreSQL did not start within 30 s")


@contextmanager
def server() -> Iterator[Server]:
    """A server while the context lasts. Its folder's name is short, as a socket's must be."""
    initdb, postgres = program("initdb"), program("postgres")
    as_user = {"user": ROOT_MAY_NOT, "group": ROOT_MAY_NOT} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        if as_user:
            shutil.chown(folder, ROOT_MAY_NOT, ROOT_MAY_NOT)
        data = folder / "data"
        subprocess.run(
            [initdb, "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            **as_user,
        )
        settings = {
            "unix_socket_directories": folder,
            "listen_addresses": "",
            "fsync": "off",
            "shared_buffers": "32MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        process = subprocess.Popen(
            [postgres, "-D", data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **as_user,
        )
        found = Server(folder)
        try:
            found.wait()
            yield found
        finally:
            process.terminate()
            process.wait()
