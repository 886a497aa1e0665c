"""Append-only runs over SQLAlchemy."""

from leaderboard.store.store import Store

__all__ = ["Store"]
