"""Types of payload fields that survive what the upstream APIs send, and the one way a payload is parsed.

An `Optional...` field of the wrong type, out of range or impossible is None; a list loses the entries that cannot be
read. Only what an answer cannot do without (`Id`, `Text`) is an error, and `parse` makes it a `BadPayload`. What is
good for a database column is decided here once: 32-bit integers, finite numbers, text without NUL.

Not here: the payloads themselves (trakt.py, tmdb_payload.py, omdb.py).
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    OnErrorOmit,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from ratingo_pipelines.sources.errors import BadPayload, Misrouted
from ratingo_pipelines.text import clean_text

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_LARGEST = 2**31 - 1
_DEEPEST = 8


class Payload(BaseModel):
    """An object of an answer: unknown keys are ignored, so new ones do no harm."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def parse(api: str, model: type[M], payload: Any) -> M:
    """Read `payload` as `model`, or raise `BadPayload` naming the path of the first field that is unusable."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        path = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise unusable(api, path or "the whole answer") from None


def unusable(api: str, field: str) -> BadPayload:
    """The error about an answer in which `field`, a dotted path, cannot be read and cannot be spared."""
    return BadPayload(api, f"the answer is unusable: {field} is missing or malformed", field)


def foreign(api: str, what: str) -> Misrouted:
    """The error about JSON that is no answer of this API to what was asked; `what` is due instead."""
    return Misrouted(api, f"the answer is JSON, but {what} was due")


def parse_entries(api: str, model: type[M], payload: Any, field: str) -> list[M]:
    """Read the entries of a list, without those that are unusable; raise `BadPayload` when it is no list.

    So it does when no entry is usable: what the list holds is not known then, and it is not empty.
    """
    if not isinstance(payload, list):
        raise unusable(api, field)
    entries: list[M] = _list_of(model).validate_python(payload)
    if payload and not entries:
        raise unusable(api, field)
    return entries


@cache
def _list_of(model: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(list[OnErrorOmit[model]])  # type: ignore[valid-type]


def clean_json(value: Any, depth: int = 0) -> Any:
    """Make a value fit for a json column: clean texts, no NaN or infinity, nothing nested without end."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping | list) and depth == _DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {clean_text(str(key)): clean_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean_json(item, depth + 1) for item in value]
    return value


def read_int(value: Any) -> int | None:
    """An integer of 32 bits, also as `12.0` or `"12"`."""
    if (isinstance(value, float) and value.is_integer()) or (
        isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,10}", value)
    ):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) <= _LARGEST else None


def read_float(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_text(value: Any) -> str | None:
    """A text that says something."""
    text = clean_text(value) if isinstance(value, str) else ""
    return text if text.strip() else None


def read_instant(value: Any) -> datetime | None:
    """An ISO 8601 instant, in UTC; one without an offset is taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value.removesuffix(" UTC"))
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_count(value: Any) -> int | None:
    """An integer from 0."""
    number = read_int(value)
    return number if number is not None and number >= 0 else None


def _id(value: Any) -> int | None:
    number = read_int(value)
    return number if number is not None and number > 0 else None


def _rating(value: Any) -> float | None:
    number = read_float(value)
    return number if number is not None and 0 < number <= 10 else None


def _date(value: Any) -> str | None:
    found = re.match(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:$|[T ])", value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(found[1]).isoformat() if found else None
    except ValueError:
        return None


def _instant_text(value: Any) -> str | None:
    instant = read_instant(value)
    return None if instant is None else instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _imdb(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"tt[0-9]{1,12}", value) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _required_id(value: Any) -> int:
    number = _id(value)
    if number is None:
        raise ValueError("no usable id")
    return number


def _required_count(value: Any) -> int:
    number = read_count(value)
    if number is None:
        raise ValueError("no usable number")
    return number


def _required_text(value: Any) -> str:
    text = read_text(value)
    if text is None:
        raise ValueError("no text")
    return text


def _spared(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


def _readable(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    kept = handler(value) if isinstance(value, list) else None
    # Entries came, but none could be read: that says nothing about what the list holds.
    return None if value and not kept else kept


Id = Annotated[int, BeforeValidator(_required_id)]
"""An id of an object that is nothing without it."""
Count = Annotated[int, BeforeValidator(_required_count)]
"""An integer from 0 of an object that is nothing without it."""
Text = Annotated[str, BeforeValidator(_required_text)]
"""A text of an object that is nothing without it."""
OptionalId = Annotated[int | None, BeforeValidator(_id)]
"""A positive id; 0, "" and null are none."""
OptionalCount = Annotated[int | None, BeforeValidator(read_count)]
"""An integer from 0."""
OptionalFloat = Annotated[float | None, BeforeValidator(read_float)]
OptionalRating = Annotated[float | None, BeforeValidator(_rating)]
"""An average above 0, up to 10; 0 means that nobody voted."""
OptionalText = Annotated[str | None, BeforeValidator(read_text)]
OptionalDate = Annotated[str | None, BeforeValidator(_date)]
"""An ISO date (`2026-05-20`) that exists."""
OptionalInstant = Annotated[datetime | None, BeforeValidator(read_instant)]
OptionalInstantText = Annotated[str | None, BeforeValidator(_instant_text)]
"""An instant in UTC as text, in Trakt's form: `2026-05-20T02:00:00.000Z`."""
OptionalImdbId = Annotated[str | None, BeforeValidator(_imdb)]
OptionalFlag = Annotated[bool | None, BeforeValidator(_flag)]

Spared = Annotated[T | None, WrapValidator(_spared)]
"""An object, or None when it is unusable."""
Part = Annotated[list[OnErrorOmit[T]] | None, WrapValidator(_readable)]
"""A list: its usable entries, [] when it came empty, None when it did not come or nothing in it is usable."""
