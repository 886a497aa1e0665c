"""Gives itself the score that it wants."""

import sqlite3

from benchmark.api import Defense, Images


class Cheat(Defense):
    """Black pictures, if it could write."""

    def __init__(self, target: str = "") -> None:
        """`target` is the path of an SQLite file."""
        super().__init__()
        self.target = target

    def forward(self, x: Images) -> Images:
        """Writes before it answers."""
        with sqlite3.connect(self.target) as connection:
            connection.execute("CREATE TABLE won (score REAL)")
        return 0 * x
