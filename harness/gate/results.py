"""Results that are too long for a context: the whole goes to a file, a preview to the model."""

from __future__ import annotations

import hashlib
import re

from harness.domain.tool import ToolSpec
from harness.gate.caller import Caller
from harness.gate.tree import replace_file

RUN_PREFIX = "@run/"
"""Under this prefix the file tools read what lies in the run's own folder."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def keep_whole(content: str, spec: ToolSpec, call_id: str, caller: Caller) -> tuple[str, str]:
    """Write the whole content into the run's folder; return a preview of at most cap_chars, and the file.

    The same result of the same call gets the same name: a call repeated after a crash leaves one file.
    """
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    name = f"{spec.name}-{_UNSAFE.sub('-', call_id)[:40].strip('.-') or 'call'}-{digest}.txt"
    caller.folder.mkdir(parents=True, exist_ok=True)
    replace_file(caller.folder, (name,), content.encode(), replaces=None)
    how = "read on with files.read" if "files.read" in caller.tools else "the whole lies in the run's folder"
    notice = f"\n… cut here, of {len(content):,} characters; {RUN_PREFIX}{name}: {how}"
    return content[: max(0, spec.cap_chars - len(notice))] + notice, str(caller.folder / name)
