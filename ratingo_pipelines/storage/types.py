"""Column types that make hostile values harmless, the same on both back ends.

Each type's `normal` gives the value as it will be read back, so that writers compare before they write.
A value that cannot be stored truthfully raises `UnstorableValue` before any statement is sent.
"""

import json
import math
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.type_api import TypeEngine
from sqlalchemy.types import TypeDecorator

from ratingo_pipelines.storage.errors import UnstorableValue
from ratingo_pipelines.text import clean_text

INT32 = 2**31
INDEXED_TEXT = 300
"""Characters kept of a text that an index holds: PostgreSQL's B-trees take no entry beyond 2,704 bytes.

`BTMaxItemSize` of src/include/access/nbtree.h; four bytes a letter at most, and two of them in some indexes.
"""


def clean_json(value: Any) -> Any:
    """The value with every text in it clean, as it is read back; raises ValueError for what JSON cannot say."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("not a finite number") from None
    # Hardly any value holds what must be cleaned, and walking through it costs ten times as much as looking.
    return _cleaned(value) if any(escape in text for escape in _SUSPECT) else json.loads(text)


_SUSPECT = ("\\u0000", "\\ud")
"""How JSON in ASCII writes a NUL character, and surrogates: lone ones, and the pairs of an emoji."""


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def dumps(value: Any) -> str:
    """JSON as it is stored, of a value that its column has cleaned: Cyrillic readable."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def normal(kind: TypeEngine[Any], value: Any) -> Any:
    """The value as it would be read back from a column of that type."""
    return normaliser(kind)(value)


def normaliser(kind: TypeEngine[Any]) -> Callable[[Any], Any]:
    """What `normal` does to the values of a column of that type, for many of them."""
    return kind.normal if isinstance(kind, CleanText | Int32 | Real | Json | UtcTimestamp) else _same


def _same(value: Any) -> Any:
    return value


class CleanText(TypeDecorator[str]):
    """Text without NUL and lone surrogates; `limit` cuts what an index must hold."""

    impl = Text
    cache_ok = True

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.limit = limit

    def normal(self, value: Any) -> str | None:
        """The text as stored."""
        return None if value is None else clean_text(str(value))[: self.limit]

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Clean on the way in."""
        return self.normal(value)


class Int32(TypeDecorator[int]):
    """An integer of 32 bits, as PostgreSQL's `integer`; SQLite is held to the same."""

    impl = Integer
    cache_ok = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def normal(self, value: Any) -> int | None:
        """The number. Raises UnstorableValue, naming column and value, for what is none."""
        if value is None:
            return None
        try:
            number = operator.index(value)
        except TypeError as error:
            raise UnstorableValue(f"{self.name} is {str(value)[:40]!r}, not an integer") from error
        if not -INT32 <= number < INT32:
            raise UnstorableValue(f"{self.name} is {str(number)[:40]}, beyond the column's 32 bits")
        return number

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Check on the way in."""
        return self.normal(value)


class Real(TypeDecorator[float]):
    """A finite double precision number."""

    impl = Double
    cache_ok = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def normal(self, value: Any) -> float | None:
        """The number. Raises UnstorableValue, naming column and value, for what is none."""
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise UnstorableValue(f"{self.name} is {str(value)[:40]!r}, not a number") from error
        if not math.isfinite(number):
            raise UnstorableValue(f"{self.name} is {number}, not a finite number")
        return number

    def process_bind_param(self, value: Any, dialect: Dialect) -> float | None:
        """Check on the way in."""
        return self.normal(value)


class Json(TypeDecorator[Any]):
    """JSON (`jsonb` on PostgreSQL); None is SQL's NULL, never JSON's."""

    impl = JSON
    cache_ok = True

    def __init__(self, name: str) -> None:
        super().__init__(none_as_null=True)
        self.name = name

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`jsonb` where there is one."""
        kind: type[JSON] = JSONB if dialect.name == "postgresql" else JSON
        return dialect.type_descriptor(kind(none_as_null=True))

    def normal(self, value: Any) -> Any:
        """The value as stored. Raises UnstorableValue for what JSON cannot say."""
        try:
            return clean_json(value)
        except ValueError as error:
            raise UnstorableValue(f"{self.name} holds a value that is {error}") from error

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Clean on the way in."""
        return self.normal(value)


class UtcTimestamp(TypeDecorator[datetime]):
    """Aware UTC in Python, `timestamp` without time zone in the database, always UTC."""

    impl = DateTime
    cache_ok = True

    def normal(self, value: Any) -> datetime | None:
        """The instant in UTC. Raises UnstorableValue for a naive one, which is a mistake of the caller."""
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise UnstorableValue(f"{value!r} is not a point in time with a time zone")
        return value.astimezone(UTC)

    def process_bind_param(self, value: Any, dialect: Dialect) -> datetime | None:
        """To naive UTC."""
        instant = self.normal(value)
        return None if instant is None else instant.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From naive UTC."""
        return None if value is None else value.replace(tzinfo=UTC)
