"""Runs, cells, shards, outcomes and events, none of which may be changed or deleted."""

import sqlalchemy as sa
from alembic import op

from leaderboard.store.append_only import forbid

revision = "0001"
down_revision = None

TABLES = ("runs", "cells", "shards", "outcomes", "events")


def upgrade() -> None:
    """Create the tables and the triggers that keep them append-only."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("submission", sa.String, nullable=False),
        sa.Column("variant", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("submission_hash", sa.String(64), nullable=False),
        sa.Column("protocol", sa.String, nullable=False),
        sa.Column("protocol_hash", sa.String(64), nullable=False),
        sa.Column("protocol_content", sa.JSON, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("dataset_fingerprint", sa.String(64), nullable=False),
        sa.Column("images", sa.Integer, nullable=False),
        sa.Column("unofficial_reason", sa.String),
        sa.Column("classifiers", sa.JSON, nullable=False),
        sa.Column("environment", sa.JSON, nullable=False),
        sa.Column("started", sa.String, nullable=False),
    )
    # One after the other: `index=True` on two columns makes them in an order that changes.
    op.create_index("ix_runs_key", "runs", ["key"])
    op.create_index("ix_runs_protocol", "runs", ["protocol"])
    op.create_table(
        "cells",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("access", sa.String, nullable=False),
        sa.Column("attack", sa.String),
        sa.Column("estimator", sa.String),
        sa.Column("norm", sa.String),
        sa.Column("radius", sa.Float),
        sa.Column("steps", sa.Integer),
        sa.Column("restarts", sa.Integer),
        sa.UniqueConstraint("run_id", "name"),
    )
    op.create_table(
        "shards",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("classifier", sa.String, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("stop", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("defense_seconds", sa.Float, nullable=False),
        sa.UniqueConstraint("run_id", "classifier", "start"),
    )
    op.create_table(
        "outcomes",
        sa.Column("shard_id", sa.Integer, sa.ForeignKey("shards.id"), primary_key=True),
        sa.Column("cell_id", sa.Integer, sa.ForeignKey("cells.id"), primary_key=True),
        sa.Column("image", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("correct", sa.Boolean, nullable=False),
        sa.Column("predicted", sa.Integer, nullable=False),
        sa.Column("margin", sa.Float, nullable=False),
        sa.Column("linf", sa.Integer, nullable=False),
        sa.Column("l2", sa.Float, nullable=False),
        sa.Column("bits", sa.Integer),
        sa.Column("gradient_steps", sa.Integer, nullable=False),
        sa.Column("queries", sa.Integer, nullable=False),
        sa.Column("png_sha256", sa.String(64), nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), nullable=False, index=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
    )
    for table in TABLES:
        forbid(table)
