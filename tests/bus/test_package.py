"""The packages of the bus say where everything lies."""

from __future__ import annotations

import pkgutil
from types import ModuleType

import pytest

import harness.bus
import harness.runs.requests

_HEADING = 13
"""How wide the left column is."""


@pytest.mark.parametrize("package", [harness.bus, harness.runs.requests])
def test_the_docstring_of_the_package_names_each_of_its_modules_once(package: ModuleType) -> None:
    _, _, listed = (package.__doc__ or "").strip().partition("\n\n")
    named = [name.strip() for line in listed.splitlines() for name in line[_HEADING:].partition(":")[0].split(",")]
    assert sorted(named) == sorted(module.name for module in pkgutil.iter_modules(package.__path__))
