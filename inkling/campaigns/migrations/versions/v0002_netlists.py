"""The gates of every circuit, so that the one that a report picks need not be searched again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Deflated JSON as `inkling.approx.reference.netlist_files` writes it; older points have none.
    op.add_column("circuits", sa.Column("netlist", sa.LargeBinary))
