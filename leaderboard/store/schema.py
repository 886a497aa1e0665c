"""The tables. A change here needs a migration; a test holds the two together."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, index=True),
    Column("submission", String, nullable=False),
    Column("variant", String, nullable=False),
    Column("title", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("submission_hash", String(64), nullable=False),
    Column("protocol", String, nullable=False, index=True),
    Column("protocol_hash", String(64), nullable=False),
    Column("protocol_content", JSON, nullable=False),
    Column("dataset", String, nullable=False),
    Column("dataset_fingerprint", String(64), nullable=False),
    Column("images", Integer, nullable=False),
    Column("unofficial_reason", String),
    Column("classifiers", JSON, nullable=False),
    Column("environment", JSON, nullable=False),
    Column("started", String, nullable=False),
)

cells = Table(
    "cells",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("access", String, nullable=False),
    Column("attack", String),
    Column("estimator", String),
    Column("norm", String),
    Column("radius", Float),
    Column("steps", Integer),
    Column("restarts", Integer),
    Column("queries", Integer),
    Column("draws", Integer),
    Column("images", Integer),
    Column("options", String, nullable=False),
    Column("check", Boolean, nullable=False),
    Column("rest", Boolean, nullable=False),
    UniqueConstraint("run_id", "name"),
)

shards = Table(
    "shards",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("classifier", String, nullable=False),
    Column("start", Integer, nullable=False),
    Column("stop", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("defense_seconds", Float, nullable=False),
    Column("diagnostics", JSON, nullable=False),
    UniqueConstraint("run_id", "classifier", "start"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("shard_id", ForeignKey("shards.id"), primary_key=True),
    Column("cell_id", ForeignKey("cells.id"), primary_key=True),
    Column("image", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("correct", Boolean, nullable=False),
    Column("predicted", Integer, nullable=False),
    Column("margin", Float, nullable=False),
    Column("linf", Integer, nullable=False),
    Column("l2", Float, nullable=False),
    Column("bits", Integer),
    Column("gradient_steps", Integer, nullable=False),
    Column("queries", Integer, nullable=False),
    Column("png_sha256", String(64), nullable=False),
    Column("draws", Integer, nullable=False),
    Column("draws_correct", Integer, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("at", String, nullable=False),
    Column("status", String, nullable=False),
    Column("detail", String, nullable=False),
)

challenges = Table(
    "challenges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("classifier", String, nullable=False),
    Column("norm", String, nullable=False),
    Column("radius", Float, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("outcomes", JSON, nullable=False),
    Column("outside", JSON, nullable=False),
    Column("unchanged", JSON, nullable=False),
    Column("environment", JSON, nullable=False),
    UniqueConstraint("run_id", "classifier", "norm", "radius", "sha256"),
)
