"""The vocabulary of the tables: one short word a kind of column, and the naming of indexes.

What the tables are lives in `tables.py` and `pipeline_tables.py`.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Index, Integer, UniqueConstraint, func, null

from ratingo_pipelines.storage.types import INDEXED_TEXT, CleanText, Int32, Json, Real, UtcTimestamp


def now() -> datetime:
    """The current instant, UTC."""
    return datetime.now(UTC)


def key() -> Column[int]:
    """The primary key, given by the database."""
    return Column("id", Integer, primary_key=True, comment="Key, given by the database; never changes.")


def text(name: str, required: bool = False, comment: str | None = None) -> Column[str]:
    """Text of any length."""
    return Column(name, CleanText(), nullable=not required, comment=comment)


def indexed_text(name: str, required: bool = False, comment: str | None = None) -> Column[str]:
    """Text that an index holds, and that is therefore cut at a length no honest value has."""
    return Column(name, CleanText(INDEXED_TEXT), nullable=not required, comment=comment)


def number(name: str, required: bool = False, comment: str | None = None) -> Column[int]:
    """A 32-bit integer."""
    return Column(name, Int32(name), nullable=not required, comment=comment)


def double(name: str, comment: str | None = None) -> Column[float]:
    """A double precision number."""
    return Column(name, Real(name), comment=comment)


def json(name: str, comment: str | None = None) -> Column[Any]:
    """JSON."""
    return Column(name, Json(name), comment=comment)


def flag(name: str, required: bool = False, comment: str | None = None) -> Column[bool]:
    """A boolean."""
    return Column(name, Boolean, nullable=not required, comment=comment)


def timestamp(name: str, required: bool = False, comment: str | None = None) -> Column[datetime]:
    """An instant, UTC."""
    return Column(name, UtcTimestamp(), nullable=not required, comment=comment)


def created_at(comment: str = "When the row was inserted, UTC.") -> Column[datetime]:
    """When the row was inserted."""
    return Column("created_at", UtcTimestamp(), nullable=False, default=now, server_default=func.now(), comment=comment)


def updated_at() -> Column[datetime]:
    """When the row last changed; an update that changes nothing is not made."""
    return Column(
        "updated_at",
        UtcTimestamp(),
        nullable=False,
        default=now,
        onupdate=now,
        server_default=func.now(),
        comment="When the row last changed, UTC; a write that changes nothing leaves it.",
    )


def index(name: str, *columns: str) -> Index:
    """An index with the contract's name."""
    return Index(name, *columns)


def unique(name: str, *columns: str) -> Index:
    """A unique index with the contract's name."""
    return Index(name, *columns, unique=True)


def unique_constraint(name: str, *columns: str) -> UniqueConstraint:
    """A unique constraint with the contract's name: the site declares some of its keys twice."""
    return UniqueConstraint(*columns, name=name)


def is_null(column: Column[Any]) -> ColumnElement[bool]:
    """Whether a column holds nothing."""
    # `is_(None)` would ask a JSON column for JSON's null.
    return column.is_(null())
