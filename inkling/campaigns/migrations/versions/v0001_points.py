"""Campaigns, their points, and the circuits that each point found."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "points",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("specification", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("train_rows", sa.Integer, nullable=False),
        sa.Column("validation_rows", sa.Integer, nullable=False),
        sa.Column("test_rows", sa.Integer, nullable=False),
        sa.Column("majority_rate", sa.Float, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "circuits",
        sa.Column("point", sa.String(64), sa.ForeignKey("points.key"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("area_cm2", sa.Float, nullable=False),
        sa.Column("power_mw", sa.Float, nullable=False),
        sa.Column("delay_ms", sa.Float),
        sa.Column("gates", sa.Integer, nullable=False),
        sa.Column("inputs_used", sa.Integer, nullable=False),
        sa.Column("train", sa.Float, nullable=False),
        sa.Column("validation", sa.Float, nullable=False),
        sa.Column("test", sa.Float, nullable=False),
        sa.Column("balanced", sa.Float, nullable=False),
    )
