"""The track of a run; objectives and sources of cells; outcomes of the codec track."""

import sqlalchemy as sa
from alembic import op

from leaderboard.store.append_only import forbid

revision = "0003"
down_revision = "0002"

# Every run of the earlier revisions was of the classifier track.
RUNS = (sa.Column("track", sa.String, nullable=False, server_default="classifier"),)
CELLS = (sa.Column("objective", sa.String), sa.Column("source", sa.String))

INTEGERS = ("linf", "gradient_steps", "queries", "draws", "failures")
POSSIBLE = (
    *("bits", "likelihood_bits", "mse", "psnr", "psnr_worst", "ms_ssim", "lpips"),
    *("clean_mse", "clean_psnr", "clean_psnr_worst", "clean_ms_ssim", "clean_lpips"),
    *("rd_loss", "rd_loss_worst", "input_psnr", "encode_seconds", "decode_seconds"),
)


def upgrade() -> None:
    """Widen two tables and add one."""
    for table, columns in (("runs", RUNS), ("cells", CELLS)):
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "codec_outcomes",
        sa.Column("shard_id", sa.Integer, sa.ForeignKey("shards.id"), primary_key=True),
        sa.Column("cell_id", sa.Integer, sa.ForeignKey("cells.id"), primary_key=True),
        sa.Column("image", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("pixels", sa.Integer, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("bits_worst", sa.Integer),
        sa.Column("input_mse", sa.Float, nullable=False),
        sa.Column("png_sha256", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in INTEGERS),
        *(sa.Column(name, sa.Float) for name in POSSIBLE),
    )
    forbid("codec_outcomes")
