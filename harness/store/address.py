"""Which database a workspace uses: a SQLite file, or a PostgreSQL server.

HARNESS_DATABASE_URL decides, then `database_url` of harness.toml, then it is the file in the state folder.
Standard library only: fast commands import this.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from harness.domain.errors import OwnerError
from harness.store.state_folder import state_folder

URL_VARIABLE = "HARNESS_DATABASE_URL"
_SETTINGS_FILE = "harness.toml"
_SETTING = "database_url"
_FORMS = "write postgresql://USER@HOST/DATABASE, or sqlite:///FILE for a file"
_PATIENCE = "connect_timeout=10"
_POSTGRESQL = re.compile(r"(postgres|postgresql)(\+psycopg)?")


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """One database; as text it is what messages show, without a password.

    `url` is what it is reached by, and may hold the password. `path` is the SQLite file. `is_own`: it lies in
    the workspace's own `.harness`, where no other workspace can come upon it.
    """

    kind: Literal["sqlite", "postgresql"]
    shown: str
    url: str = field(repr=False)
    path: Path | None = None
    is_own: bool = False

    def __str__(self) -> str:
        return self.shown


class BadAddress(ValueError):
    """A text is no address of a database: what is wrong with it, and how to write it."""

    def __init__(self, problem: str, fix: str = _FORMS) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}; {fix}")


def file_url(path: Path) -> str:
    """Return the URL of a SQLite file, as a person may write it."""
    return f"sqlite:///{quote(str(path))}"


def file_address(path: Path, *, is_own: bool = False) -> DatabaseAddress:
    """Return the address of a SQLite file."""
    return DatabaseAddress("sqlite", str(path), file_url(path), path, is_own)


def parse_address(text: str, root: Path) -> DatabaseAddress:
    """Return the address that a person wrote; `sqlite:///FILE` is relative to the workspace `root`.

    Raises BadAddress, whose words never repeat the text: it may hold a password.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise BadAddress("the address of the database cannot be read") from error
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path.strip("/"):
            raise BadAddress("the address of the database names no file", "write sqlite:///FILE, with three slashes")
        if parts.query or parts.fragment:
            raise BadAddress("the address of a file takes no options", "write sqlite:///FILE and nothing behind it")
        return file_address((root / Path(unquote(parts.path[1:])).expanduser()).absolute())
    if not _POSTGRESQL.fullmatch(parts.scheme):
        raise BadAddress("this is no address of a database")
    if not parts.path.strip("/"):
        raise BadAddress("the address of the database names no database")
    host = parts.hostname or ""
    place = f"{f'[{host}]' if ':' in host else host}{'' if port is None else f':{port}'}"
    query = parts.query if "connect_timeout=" in parts.query else f"{parts.query}&{_PATIENCE}".lstrip("&")
    user = f"{unquote(parts.username)}@" if parts.username else ""
    return DatabaseAddress(
        "postgresql",
        f"postgresql://{user}{place}{parts.path}",
        f"postgresql://{parts.netloc}{parts.path}?{query}",
    )


def database_address(root: Path, environ: Mapping[str, str]) -> DatabaseAddress:
    """Return the address of the database of a workspace.

    While harness.toml cannot be read, its last good version counts, as it does everywhere.
    Raises OwnerError if what is written there, or in the environment, is no address.
    """
    state = state_folder(root, environ)
    own = root.absolute() / ".harness"
    settings = root / _SETTINGS_FILE
    text = environ.get(URL_VARIABLE)
    is_setting = not text
    if is_setting:
        text = _setting_in(settings, state.last_good / _SETTINGS_FILE)
    if not text:
        return file_address(state.database, is_own=state.root == own)
    try:
        address = parse_address(text, root)
    except BadAddress as error:
        if is_setting:
            raise OwnerError(settings, _line_of_setting(settings), error.problem, error.fix) from error
        raise OwnerError(URL_VARIABLE, None, error.problem, error.fix) from error
    if address.path is not None and address.path.resolve() == state.database.resolve():
        return file_address(state.database, is_own=state.root == own)
    return address


def _setting_in(*candidates: Path) -> str | None:
    """Return the setting of the first file that is TOML."""
    for path in candidates:
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        value = settings.get(_SETTING)
        return value if isinstance(value, str) else None
    return None


def _line_of_setting(path: Path) -> int | None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    pattern = re.compile(rf"\s*[\"']?{_SETTING}[\"']?\s*=")
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), None)
