"""Results that are too long for a context: the whole goes to a file, a preview to the model."""

from __future__ import annotations

import hashlib
import re

from harness.domain.tool import ToolSpec
from harness.gate.caller import Caller
from harness.gate.outside import fence_parts
from harness.gate.tree import replace_file

RUN_PREFIX = "@run/"
"""Under this prefix the file tools read what lies in the run's own folder."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_CUT = re.compile(r"\n… cut here, of [\d,]+ characters; @run/(?P<file>\S+): [^\n]*\Z")


def keep_whole(content: str, spec: ToolSpec, call_id: str, caller: Caller) -> tuple[str, str]:
    """Write the whole content into the run's folder; return a preview of at most cap_chars, and the file."""
    name = file_name(spec.name, call_id, content)
    write_whole(content, name, caller)
    return preview(content, spec.cap_chars, name, can_read=can_read_files(caller)), str(caller.folder / name)


def write_whole(content: str, name: str, caller: Caller) -> None:
    """Write the content into the run's folder; writing it again changes nothing."""
    caller.folder.mkdir(parents=True, exist_ok=True)
    replace_file(caller.folder, (name,), content.encode("utf-8", "replace"), replaces=None)


def can_read_files(caller: Caller) -> bool:
    """Say whether the caller's model can read on in what went to a file."""
    return "files.read" in caller.tools


def file_name(tool: str, call_id: str, content: str) -> str:
    """Return where the whole of a result lies.

    The same result of the same call gets the same name: a call repeated after a crash leaves one file.
    """
    digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{_safe(tool)}-{_safe(call_id)}-{digest}.txt"


def preview(content: str, cap_chars: int, name: str, *, can_read: bool) -> str:
    """Return the beginning of the content, at most cap_chars with the line that says where the whole lies."""
    how = "read on with files.read" if can_read else "the whole lies in the run's folder"
    notice = f"\n… cut here, of {len(content):,} characters; {RUN_PREFIX}{name}: {how}"
    return content[: max(0, cap_chars - len(notice))] + notice


def shortened(shown: str, cap_chars: int, name: str, *, can_read: bool) -> str:
    """Return a shorter preview of what a model was to be shown; what is fenced stays fenced.

    `name` is the file of the whole. What is a preview already goes on naming its own.
    """
    opening, content, closing = fence_parts(shown)
    notice = _notice_of(content, name)
    if notice:
        kept = content[: max(0, min(len(content) - len(notice), cap_chars - len(notice)))] + notice
    else:
        kept = preview(content, cap_chars, name, can_read=can_read)
    return f"{opening}{kept}{closing}"


def file_of(shown: str, name: str) -> str:
    """Return the file in which the whole lies: the one that a preview names, or `name` for what is no preview."""
    found = _CUT.search(_notice_of(fence_parts(shown)[1], name))
    return name if found is None else found["file"]


def _notice_of(content: str, name: str) -> str:
    """Return the line with which a preview of the same call's result ends; empty if it is none.

    What comes from outside may end in such a line too: it cannot be told that it is kept anywhere.
    """
    found = _CUT.search(content)
    is_its_own = found is not None and found["file"].rpartition("-")[0] == name.rpartition("-")[0]
    return found.group() if found is not None and is_its_own else ""


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text)[:40].strip(".-") or "call"
