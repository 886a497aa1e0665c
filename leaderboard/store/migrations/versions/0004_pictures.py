"""Pictures of a few images, as they were judged and as the defense or the codec left them."""

import sqlalchemy as sa
from alembic import op

from leaderboard.store.append_only import forbid

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a table; runs of the earlier revisions kept no pictures."""
    op.create_table(
        "pictures",
        sa.Column("shard_id", sa.Integer, sa.ForeignKey("shards.id"), primary_key=True),
        sa.Column("cell_id", sa.Integer, sa.ForeignKey("cells.id"), primary_key=True),
        sa.Column("image", sa.String, primary_key=True),
        sa.Column("role", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("png", sa.LargeBinary, nullable=False),
    )
    forbid("pictures")
