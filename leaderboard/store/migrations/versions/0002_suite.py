"""Cells with queries, draws and options; outcomes over draws; what the probes said; challenges."""

import sqlalchemy as sa
from alembic import op

from leaderboard.store.append_only import allow, forbid

revision = "0002"
down_revision = "0001"

# Server defaults give rows of revision 0001 a value; the store itself always names one.
CELLS = (
    sa.Column("queries", sa.Integer),
    sa.Column("draws", sa.Integer),
    sa.Column("images", sa.Integer),
    sa.Column("options", sa.String, nullable=False, server_default=""),
    sa.Column("check", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("rest", sa.Boolean, nullable=False, server_default=sa.false()),
)
OUTCOMES = (
    sa.Column("draws", sa.Integer, nullable=False, server_default="1"),
    sa.Column("draws_correct", sa.Integer, nullable=False, server_default="0"),
)
SHARDS = (sa.Column("diagnostics", sa.JSON, nullable=False, server_default="{}"),)


def upgrade() -> None:
    """Widen three tables and add one; a deterministic outcome is one draw."""
    for table, columns in (("cells", CELLS), ("outcomes", OUTCOMES), ("shards", SHARDS)):
        for column in columns:
            op.add_column(table, column)
    # The one change that rows of the first revision ever see.
    allow("outcomes", "UPDATE")
    op.execute("UPDATE outcomes SET draws_correct = CASE WHEN correct THEN 1 ELSE 0 END")
    forbid("outcomes", "UPDATE")
    op.create_table(
        "challenges",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), nullable=False, index=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("classifier", sa.String, nullable=False),
        sa.Column("norm", sa.String, nullable=False),
        sa.Column("radius", sa.Float, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("outcomes", sa.JSON, nullable=False),
        sa.Column("outside", sa.JSON, nullable=False),
        sa.Column("unchanged", sa.JSON, nullable=False),
        sa.Column("environment", sa.JSON, nullable=False),
        sa.UniqueConstraint("run_id", "classifier", "norm", "radius", "sha256"),
    )
    forbid("challenges")
