"""The kinds of values that the files of a workspace have in common, as pydantic fields."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from harness.store.node_name import as_node_name
from harness.workspace.quantities import (
    BadValue,
    parse_date,
    parse_duration,
    parse_money_per_day,
    parse_money_per_run,
    parse_percent,
)
from harness.workspace.shapes import as_list
from harness.workspace.zones import parse_zone

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_NODE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
NEVER = "never"


def _check_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadValue(f"{value!r} is not a web address", "write it with https:// and a host")
    return value


def _check_node(value: object) -> str:
    if not isinstance(value, str) or not _NODE_NAME.fullmatch(value):
        raise BadValue(
            f"{value!r} is not the name of a machine",
            "use letters, digits, dots and dashes; `harness nodes` lists them",
        )
    return as_node_name(value)


def _check_variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        # Not repeated in the finding: it may be the key itself.
        raise BadValue(
            "this is not the name of an environment variable",
            'put the key in the environment and name the variable, such as "OPENAI_API_KEY"',
        )
    return value


def _parse_failures(value: object) -> int:
    if value == NEVER:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadValue(f"{value!r} is not a number of failures", f"write a whole number from 1, or {NEVER}")
    return value


Duration = Annotated[int, PlainValidator(parse_duration)]
"""Seconds."""

Day = Annotated[date, PlainValidator(parse_date)]
DollarsPerDay = Annotated[float, PlainValidator(parse_money_per_day)]
DollarsPerRun = Annotated[float, PlainValidator(parse_money_per_run)]
Percent = Annotated[float, PlainValidator(parse_percent)]
Zone = Annotated[str, PlainValidator(parse_zone)]
Address = Annotated[str, AfterValidator(_check_address)]
Node = Annotated[str, PlainValidator(_check_node)]
Variable = Annotated[str, AfterValidator(_check_variable)]
"""The name of an environment variable that holds a secret."""

Failures = Annotated[int, PlainValidator(_parse_failures)]
"""A number of failures in a row; 0 stands for `never`."""

Texts = Annotated[list[str], BeforeValidator(as_list)]
"""One text, or a list of texts."""

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0)]
