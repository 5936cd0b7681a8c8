"""The last version of each file that could be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.store.durable_file import replace_text


@dataclass(frozen=True, slots=True)
class LastGood:
    """Copies of the person's files in `folder`, by path relative to the workspace.

    A copy that a power cut damaged does no harm: what comes from here is checked like any other text.
    """

    folder: Path

    def texts(self) -> dict[str, str]:
        """Return all copies. Files of the folder that are not UTF-8 are no copies of ours and are left out."""
        if not self.folder.is_dir():
            return {}
        found: dict[str, str] = {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                content = path.read_bytes()
                if _is_utf8(content):
                    found[path.relative_to(self.folder).as_posix()] = content.decode("utf-8")
        return found

    def replace(self, texts: Mapping[str, str]) -> None:
        """Make these texts the copies, and remove all others. Each file changes in one moment.

        Raises OSError if the folder cannot be written.
        """
        present = self.texts()
        for name, text in texts.items():
            if present.get(name) != text:
                replace_text(self.folder / name, text)
        for name in present.keys() - texts.keys():
            (self.folder / name).unlink(missing_ok=True)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
