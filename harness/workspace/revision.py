"""The git revision of a workspace: from which state of its files a prompt was made."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from harness.workspace.find import SETTINGS_FILE
from harness.workspace.snapshot import BASKETS_FILE, CALENDARS_FOLDER, FEEDS_FOLDER, MARKETS_FOLDER

UNKNOWN = "unknown"
"""The revision where the workspace is in a repository, and git could not say in which state."""

_LISTS = (FEEDS_FOLDER, CALENDARS_FOLDER, MARKETS_FOLDER, BASKETS_FILE)
_PROMPT_FILES = (SETTINGS_FILE, "USER.md", "agents", "skills", *_LISTS)
_TIMEOUT_S = 10.0
_SHOWN_CHARS = 12
_ANSWERS_KEPT = 20
# A repository's own settings name commands: none of them is run for a look.
_NO_COMMANDS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")

log = logging.getLogger("harness.workspace")

_Marks = tuple[tuple[int, int] | None, ...]


class Revision:
    """The revision of the workspace in `root`; git is asked again only when something has changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._loaded: object = None
        self._answers: dict[_Marks, str] = {}
        self._told = ""

    def of(self, loaded: object, others: Sequence[Path] = ()) -> str:
        """Return the commit, with `+` where files that prompts are made of differ from it; empty without a repository.

        `loaded` is the workspace as it was read, `others` are further files: while it is the same object, and
        neither they nor git's own files were written, the last answer holds.
        """
        folder = git_folder(self._root)
        if folder is None:
            return ""
        marks = tuple(map(_mark, (folder / "HEAD", folder / "index", folder / "logs" / "HEAD", *others)))
        with self._lock:
            if loaded is not self._loaded:
                self._loaded, self._answers = loaded, {}
            if marks not in self._answers:
                self._answers = {**dict([*self._answers.items()][-_ANSWERS_KEPT:]), marks: self._ask()}
            return self._answers[marks]

    def _ask(self) -> str:
        try:
            return read_revision(self._root)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            said = getattr(error, "stderr", None) or str(error)
            if said != self._told:
                self._told = said
                log.warning("git does not say which revision %s is: %s", self._root, " ".join(str(said).split()))
            return UNKNOWN


def read_revision(root: Path) -> str:
    """Return what `Revision.of` does, asked of git. Raises OSError, SubprocessError or ValueError if it cannot say."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # Whoever looks does not hold up the person's own git.
    environ |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", *_NO_COMMANDS, "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--"]
    asked = subprocess.run(
        [*command, *_PROMPT_FILES],
        cwd=root,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=True,
    )
    commit, is_changed = "", False
    for line in asked.stdout.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.rpartition(" ")[2]
        is_changed = is_changed or not line.startswith("#")
    if not commit:
        raise ValueError("its answer names no commit")
    shown = "no commit yet" if commit == "(initial)" else commit[:_SHOWN_CHARS]
    return f"{shown}+" if is_changed else shown


def git_folder(root: Path) -> Path | None:
    """Return where git keeps what belongs to this checkout, or None if there is no repository."""
    for folder in (root, *root.parents):
        entry = folder / ".git"
        if entry.is_dir():
            return entry
        if entry.is_file():  # a worktree or a submodule: the file says where
            leads_to = entry.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
            return folder / leads_to
    return None


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
