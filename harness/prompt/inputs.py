"""The collected inputs under the names by which job files and templates ask for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from harness.prompt.sandbox import TemplateValue

Value = TypeVar("Value")


class Inputs(Mapping[str, Value], TemplateValue):
    """Inputs by their `read` entry, and by shorter names where these are clear.

    `feeds/ai` is also `feeds_ai`, so that `inputs.feeds_ai` can be written, and `feeds` if no other input
    begins with `feeds/`.
    """

    called = "inputs"

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)
        self._aliases = _aliases(self._values)

    def __getitem__(self, name: str) -> Value:
        return self._values[self._aliases.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _aliases(names: Mapping[str, object]) -> dict[str, str]:
    candidates: dict[str, list[str]] = {}
    for name in names:
        for alias in {re.sub(r"\W+", "_", name).strip("_"), name.partition("/")[0]}:
            candidates.setdefault(alias, []).append(name)
    return {alias: found[0] for alias, found in candidates.items() if len(found) == 1 and alias not in names}
