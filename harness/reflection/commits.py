"""The git commit of a night: the files that it changed, and nothing else of the person's."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.gate.sanitise import in_short
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.revision import git_folder

_TIMEOUT_S = 30.0
_PATIENCE_S, _LOOK_EVERY_S = 5.0, 0.1
_AUTHOR = "harness <harness@localhost>"
# A repository's own settings name commands; none of them is run, and nobody is there at night to type a passphrase.
_NO_COMMANDS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, slots=True)
class Committed:
    """The commit that holds the night, or why there is none; neither where there is nothing to commit."""

    commit: str = ""
    problem: str = ""


def unsaved_in(root: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Return those of the files that differ from the last commit; none where the workspace is in no repository."""
    if not paths or not is_kept_in_git(root):
        return ()
    try:
        return _changed(root, paths)
    except (OSError, subprocess.SubprocessError):
        return ()  # whoever commits afterwards meets the same, and tells it


def is_kept_in_git(root: Path) -> bool:
    """Say whether the workspace itself is in a repository: a copy that lies in somebody else's is not."""
    if git_folder(root) is None:
        return False
    try:
        return bool(_git(root, "ls-files", "-z", "--", SETTINGS_FILE))
    except (OSError, subprocess.SubprocessError):
        return False


def commit_night(
    root: Path,
    paths: Sequence[str],
    agent: str,
    night: str,
    run: str,
    unsaved: Sequence[str],
    *,
    patience_s: float = _PATIENCE_S,
) -> Committed:
    """Commit these files as they are now, if any of them has changed; done again, it is the same commit.

    Whatever else is changed or staged stays as it is, and no hook is run. What git refuses is told, never raised; a
    lock is waited for, as another git may be at work, that of a run that was killed just now included.
    """
    if not is_kept_in_git(root):
        return Committed()
    deadline_s, told = time.monotonic() + patience_s, ""
    while True:
        try:
            return Committed(_commit(root, paths, f"Reflect on {night} for {agent}", run, unsaved))
        except (OSError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "stderr", None) or error)
            # The same twice is no coincidence: what another git has just committed is not there to be committed.
            if (said == told and ".lock" not in said) or time.monotonic() >= deadline_s:
                return Committed(problem=in_short(said, 300))
            told = said
        time.sleep(_LOOK_EVERY_S)  # git tells nobody when it is done


def _commit(root: Path, paths: Sequence[str], subject: str, run: str, unsaved: Sequence[str]) -> str:
    """Return the commit of the run, made now if there is anything to commit; empty where there never was."""
    changed = _changed(root, paths) if paths else ()
    if changed:
        _git(root, "add", "--", *changed)
        body = _body(run, [each for each in changed if each in unsaved])
        author = f"--author={_AUTHOR}"
        _git(root, "commit", "-q", "--no-verify", author, "-m", subject, "-m", body, "--", *changed)
    return _git(root, "log", "-1", "--format=%h", "--fixed-strings", f"--grep=Run: {run}").strip()


def _body(run: str, unsaved: Sequence[str]) -> str:
    lines = [f"Run: {run}"]
    if unsaved:
        lines += ["", "These files held changes that nobody had committed; they are in this commit as well:"]
        lines += [f"- {path}" for path in unsaved]
    return "\n".join(lines)


def _changed(root: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Return those of the files that differ from the last commit, or are new and not to be ignored."""
    # Git names them from the top of the repository, in which the workspace may be a folder.
    prefix = _git(root, "rev-parse", "--show-prefix").strip()
    status = _git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    changed = {entry[3:].removeprefix(prefix) for entry in status.split("\0") if entry}
    return tuple(path for path in dict.fromkeys(paths) if path in changed)


def _git(root: Path, *arguments: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1"}
    asked = subprocess.run(
        ["git", *_NO_COMMANDS, *arguments],
        cwd=root,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=True,
    )
    return asked.stdout
