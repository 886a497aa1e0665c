"""Triggers that keep a table append-only, for the migrations: the database itself refuses."""

from alembic import op
from sqlalchemy import text

ACTIONS = ("UPDATE", "DELETE")

REFUSAL = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""


def forbid(table: str, *actions: str) -> None:
    """Let the table's rows be neither updated nor deleted (or only not `actions`)."""
    for action in actions or ACTIONS:
        if op.get_bind().dialect.name == "sqlite":
            op.execute(
                f"CREATE TRIGGER {_trigger(table, action)} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        else:
            op.execute(text(REFUSAL))
            each = "STATEMENT" if action == "TRUNCATE" else "ROW"
            op.execute(
                f"CREATE TRIGGER {_trigger(table, action)} BEFORE {action} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
    if not actions and op.get_bind().dialect.name != "sqlite":
        forbid(table, "TRUNCATE")


def allow(table: str, action: str) -> None:
    """Let a migration itself do `action` until it forbids it again."""
    where = "" if op.get_bind().dialect.name == "sqlite" else f" ON {table}"
    op.execute(f"DROP TRIGGER {_trigger(table, action)}{where}")


def _trigger(table: str, action: str) -> str:
    return f"{table}_no_{action.lower()}"
