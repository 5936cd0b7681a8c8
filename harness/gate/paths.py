"""Where file tools may go: below the granted folders of the workspace."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.domain.errors import Refused, ToolError
from harness.gate.tree import Entry, Seen, list_folder, look_at_file, read_file, replace_file

Access = Literal["read", "write"]

MAX_PATH_CHARS = 1_000
# What only the person's commands and editor change: whoever writes these widens its own grant. Case-folded.
_OWNER_PLACES = (
    ("agents",), ("skills",), ("launchd",), ("harness.toml",), ("user.md",),
    ("shared-context", "feeds"), ("shared-context", "baskets.md"), ("shared-context", "markets"),
    ("shared-context", "calendars"), ("shared-context", "agent_protocol.md"),
)  # fmt: skip
# What the harness writes, or takes for the person's word: an agent that drops a file there would speak for the person.
_HARNESS_PLACES = (
    ("shared-context", "job-status"),
    ("shared-context", "dispatches"),
    ("shared-context", "radar"),
    ("shared-context", "roundtables"),
)
_SECRETS_LIKE = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519).*|.*\.(?:pem|key|p12|pfx|kdbx|keystore|jks|ppk|env)"
    r"|(?:.*[-_. ])?(?:secrets?|credentials?|passwords?|passwd|api[-_]?keys?)(?:[-_. ].*)?"
)


@dataclass(frozen=True, slots=True)
class PathRules:
    """The folders below `root` that one agent may read and write; what it may write it may read.

    Paths are relative to the root, with `/`; `.` grants all of it. Every method raises Refused with the name
    of the rule that decided: `path-invalid`, `path-absolute`, `path-parent`, `path-hidden`, `path-secret`,
    `path-outside`, `path-owner` (only the person or the harness changes it), `path-link`, `path-special` (no
    regular file), `overwrite`; and ToolError where an allowed path is missing or of the wrong kind.
    """

    root: Path
    read_paths: tuple[str, ...] = ()
    write_paths: tuple[str, ...] = ()

    def check(self, path: str, access: Access) -> tuple[str, ...]:
        """Return the path's components if its words are allowed; touches no disk."""
        parts = _components(path)
        granted = self.write_paths if access == "write" else (*self.read_paths, *self.write_paths)
        if not any(_is_below(parts, grant) for grant in granted):
            allowed = ", ".join(sorted(set(granted))) or "nothing"
            raise Refused("path-outside", f"{path} is not granted for {access}; granted: {allowed}")
        if access == "write" and any(_folded(parts)[: len(place)] == place for place in _OWNER_PLACES):
            raise Refused("path-owner", f"{path} is changed by the person only")
        if access == "write" and any(_folded(parts)[: len(place)] == place for place in _HARNESS_PLACES):
            raise Refused(
                "path-owner", f"{path} is written by the harness only; what agents ask goes through its tools"
            )
        return parts

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole file, at most max_bytes long."""
        return read_file(self.root, _file_parts(self.check(path, "read"), path), max_bytes)

    def look_at(self, path: str, max_bytes: int) -> Seen:
        """Return the file's size, hash and stamp, at most max_bytes long."""
        return look_at_file(self.root, _file_parts(self.check(path, "read"), path), max_bytes)

    def entries(self, path: str) -> list[Entry]:
        """Return what is in the folder, by name, without what these rules would refuse to open."""
        return list_folder(self.root, self.check(path, "read"), lambda name: _rule_against(name) is None)

    def write_bytes(self, path: str, content: bytes, *, replaces: str | None) -> None:
        """Write the file atomically if it is new or its content has the SHA-256 `replaces`."""
        replace_file(self.root, _file_parts(self.check(path, "write"), path), content, replaces=replaces)


def _components(path: str) -> tuple[str, ...]:
    if not path or len(path) > MAX_PATH_CHARS or "\\" in path or any(map(_is_control, path)):
        raise Refused("path-invalid", "a path has 1 to 1,000 characters, with / and without control characters")
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path):
        raise Refused("path-absolute", f"{path} is not relative to the workspace")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    for part in parts:
        rule = _rule_against(part)
        if rule is not None:
            raise Refused(rule, f"{path} is closed to tools")
    return parts


def _file_parts(parts: tuple[str, ...], path: str) -> tuple[str, ...]:
    if not parts:
        raise ToolError(f"{path} is a folder")
    return parts


def _rule_against(name: str) -> str | None:
    """The rule that closes this name to tools, judged as a person reads it (full-width dots are dots)."""
    if any(map(_is_control, name)):
        return "path-invalid"
    plain = unicodedata.normalize("NFKC", name).casefold()
    if plain == "..":
        return "path-parent"
    if plain.startswith("."):
        return "path-hidden"
    return "path-secret" if looks_secret(name) else None


def looks_secret(name: str) -> bool:
    """Say whether a file of this name may hold a key or a password, judged as a person reads it."""
    return _SECRETS_LIKE.fullmatch(unicodedata.normalize("NFKC", name).casefold()) is not None


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def _is_below(parts: tuple[str, ...], grant: str) -> bool:
    granted = tuple(part for part in grant.split("/") if part not in ("", "."))
    return parts[: len(granted)] == granted


def _folded(parts: tuple[str, ...]) -> tuple[str, ...]:
    """As a file system sees them that ignores case, as macOS's does."""
    return tuple(unicodedata.normalize("NFKC", part).casefold() for part in parts)
