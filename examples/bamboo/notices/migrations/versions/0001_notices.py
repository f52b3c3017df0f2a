"""Notices, and who has read them"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name="notices_severity_known"),
        sa.CheckConstraint("ends_at > starts_at", name="notices_end_after_start"),
    )
    op.create_table(
        "readers",
        sa.Column("notice_id", sa.BigInteger, sa.ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("account_id", sa.BigInteger, primary_key=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    op.drop_table("readers")
    op.drop_table("notices")
