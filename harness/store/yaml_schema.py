"""The core schema of YAML 1.2: what a plain scalar is. One table for everybody who reads YAML here.

PyYAML follows YAML 1.1, where `NO` is False, `017` is 15 and `12:30:45` is a number.
"""

from __future__ import annotations

import re
from typing import Any

TAG = "tag:yaml.org,2002:"

_PLAIN_SCALARS = (
    ("null", r"^(?:~|null|Null|NULL)$", "~nN"),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
)


def resolve_core_schema(loader: Any) -> None:
    """Let the PyYAML loader, a class with no resolvers of its own, tell plain scalars apart by this schema alone."""
    loader.yaml_implicit_resolvers = {}
    for tag, pattern, first_characters in _PLAIN_SCALARS:
        loader.add_implicit_resolver(TAG + tag, re.compile(pattern), list(first_characters))
    loader.add_implicit_resolver(f"{TAG}null", re.compile(r"^$"), [""])


def scalar_value(tag: str, text: str) -> Any:
    """Return the value of a scalar that was resolved by `resolve_core_schema`. Raises KeyError for another tag."""
    match tag.removeprefix(TAG):
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        case "float":
            return float(text)
    raise KeyError(tag)
