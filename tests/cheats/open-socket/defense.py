"""Sends the pictures away."""

import socket

from benchmark.api import Defense, Images


class Cheat(Defense):
    """Black pictures, if somebody answered."""

    def __init__(self, port: int = 0) -> None:
        """`port` of somebody who listens on this machine."""
        super().__init__()
        self.port = port

    def forward(self, x: Images) -> Images:
        """Connects before it answers."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(b"pictures")
        return 0 * x
