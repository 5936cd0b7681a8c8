"""`[here]` in harness.toml, written as a person would: comments and layout of the file stay."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import InlineTable, Table

from harness.domain.errors import HarnessError, OwnerError
from harness.domain.settings import Here
from harness.store.durable_file import replace_text
from harness.workspace.report import Report
from harness.workspace.toml_text import read_toml

_TABLE = "here"
_BYTE_ORDER_MARK = "\ufeff"


def write_here(settings: Path, here: Here | None) -> None:
    """Say in the settings where the person is; None takes it out: home.

    Nothing else in the file changes. Raises OwnerError if it is not TOML, OSError if it cannot be written.
    """
    try:
        text = settings.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise OwnerError(settings, None, "the file is not UTF-8", "save it as UTF-8") from error
    mark, text = (_BYTE_ORDER_MARK, text[1:]) if text.startswith(_BYTE_ORDER_MARK) else ("", text)
    changed = with_here(text, here, settings)
    if changed != text:
        replace_text(settings, mark + changed)


def with_here(text: str, here: Here | None, path: Path) -> str:
    """Return the text of settings with this place in them; `path` is for the error."""
    before = _values(text, path)
    document = tomlkit.parse(text)
    if here is None:
        if _TABLE in document:
            del document[_TABLE]
        changed = tomlkit.dumps(document).rstrip() + "\n" if _TABLE in before else text
    else:
        table = document.get(_TABLE)
        if not isinstance(table, Table | InlineTable):
            table = document[_TABLE] = tomlkit.table()
        _fill(document[_TABLE], here)
        changed = tomlkit.dumps(document)
    _check(before, tomllib.loads(changed), here, path)
    return changed


def _fill(table: Any, here: Here) -> None:
    table["zone"] = here.zone
    if here.until is not None:
        table["until"] = here.until
    elif "until" in table:
        del table["until"]


def _values(text: str, path: Path) -> dict[str, Any]:
    report = Report(path.name)
    located = read_toml(text, report)
    if located is None:
        finding = report.entries[0].finding
        raise OwnerError(path, finding.line, finding.problem, finding.fix)
    return located.values


def _check(before: dict[str, Any], after: dict[str, Any], here: Here | None, path: Path) -> None:
    """See that the edit is what was meant, and nothing else, before it is in the file."""
    wanted: dict[str, str | date] = {}
    if here is not None:
        wanted = {"zone": here.zone} | ({} if here.until is None else {"until": here.until})
    rest_before, rest_after = ({k: v for k, v in values.items() if k != _TABLE} for values in (before, after))
    if rest_before != rest_after or after.get(_TABLE, {}) != wanted:
        raise HarnessError(f"{path} cannot be edited safely; write [here] with zone and until into it yourself")
