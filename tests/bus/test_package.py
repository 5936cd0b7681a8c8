"""The packages of the bus say where everything lies."""

from __future__ import annotations

import pkgutil
import re
from types import ModuleType

import pytest

import harness.bus
import harness.runs.requests


@pytest.mark.parametrize("package", [harness.bus, harness.runs.requests])
def test_the_docstring_of_the_package_names_each_of_its_modules_once(package: ModuleType) -> None:
    listed = re.findall(r"^    (.{13})(.*)$", package.__doc__ or "", re.MULTILINE)
    named = [name.strip() for _, names in listed for name in names.partition(":")[0].split(",")]
    assert sorted(named) == sorted(module.name for module in pkgutil.iter_modules(package.__path__))
