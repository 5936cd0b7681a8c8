"""Frozen types to plain JSON and back, for step records, rows and files."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_json(kind: Any, value: Any) -> Any:
    """Return the value as plain JSON: dict, list, str, numbers, None. Tuples become lists, times ISO texts."""
    return _adapter(kind).dump_python(value, mode="json")


def from_json(kind: type[T], data: Any) -> T:
    """Return the value that `to_json` was given. Raises ValueError if the data is of another shape."""
    return cast(T, _adapter(cast(Any, kind)).validate_python(data))
