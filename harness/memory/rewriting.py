"""Changing a file that a person may be saving at the same moment, so that nothing of either is lost.

The change is made under the folder's lock, which all of the harness keeps, on the newest text, and put in the file's
place in one moment. No editor keeps our lock. So the two files change places instead of one replacing the other, and
what comes out is looked at: is it not the text that was read, the person has saved meanwhile, and both are merged. A
person may also have saved a text that was older than ours: what was ours in between is merged into it with the next
change, or by `settle`.

A crash leaves the old text or the new one, and beside it at most hidden files, which the next change clears away.
"""

from __future__ import annotations

import fcntl
import glob
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import OwnerError, TransientError
from harness.memory.merging import Conflict, merge
from harness.memory.versions import Versions, text_hash
from harness.store.durable_file import sync_folder
from harness.store.exchange import exchange_files

_PATIENCE_S = 10.0
_LOOK_EVERY_S = 0.005
_SETTLED_S = 0.02
_TORN_S = 1.0
_ATTEMPTS = 50
# What waits to take the file's place, or came out of it: named by the texts that it may be.
_ASIDE = re.compile(r"\.(?P<name>.+)\.(?P<new>[0-9a-f]{16})\.(?P<old>[0-9a-f]{16}|none)\.aside")

_UNFINISHED = ".harness-new"

Change = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a change came to. `conflicts` are lines of earlier changes that the person has changed otherwise since."""

    before: str
    after: str
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


def rewrite(path: Path, change: Change, versions: Versions, *, patience_s: float = _PATIENCE_S) -> Rewritten:
    """Make of the file's text what `change` makes of it; a file that is not there is an empty one.

    `change` may be asked more than once, each time for the newest text: it must not add twice what stands there.
    On disk when this returns. Raises TransientError while others keep the lock or save without end, OwnerError if the
    file is not UTF-8 text, OSError if it cannot be written; what `change` raises passes through, and nothing is
    written then.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path.parent, patience_s):
        return _Rewriting(path, versions).run(change)


def settle(path: Path, versions: Versions, *, patience_s: float = _PATIENCE_S) -> Rewritten:
    """Merge into the file what somebody has overwritten who had not seen it. Raises as `rewrite`."""
    return rewrite(path, lambda text: text, versions, patience_s=patience_s)


@dataclass(frozen=True, slots=True)
class _Put:
    """What came out of the file's place, or stands there still if it was not the text expected, and what stands there
    now as far as we know; None for no file. `saved_at` is when the former was saved, epoch seconds."""

    came_out: str | None
    standing: str | None
    saved_at: float = 0.0


class _Rewriting:
    """One change of one file, under its lock."""

    def __init__(self, path: Path, versions: Versions) -> None:
        self._path = path
        self._versions = versions
        self._conflicts: tuple[Conflict, ...] = ()

    def run(self, change: Change) -> Rewritten:
        late = self._clear_up()
        standing = self._read()
        before = standing or ""
        text = self._reconciled(before)
        for older, theirs in late:
            text = self._merged(older, text, theirs)
        wanted = change(text)
        for _ in range(_ATTEMPTS):
            if wanted == standing or (standing is None and not wanted):
                return Rewritten(before, wanted, self._conflicts)
            put = self._put(wanted, standing)
            if put.came_out == standing:
                return Rewritten(before, wanted, self._conflicts)
            # Somebody saved in between. What they had seen of ours is what stood there before.
            theirs = put.came_out or ""
            origin = self._versions.origin_of(theirs, put.saved_at, unseen=wanted)
            merged = merge(origin or "", wanted, theirs)
            self._versions.add(theirs)
            standing = put.standing
            wanted = self._once_more(change, theirs, merged.text, standing) if merged.conflicts else merged.text
        raise TransientError(f"{self._path} is saved by somebody again and again; try again later")

    def _once_more(self, change: Change, theirs: str, merged: str, standing: str | None) -> str:
        """Return what the change makes of their text, where the two cannot be merged."""
        try:
            return change(theirs)
        except BaseException:
            # Theirs is not in its place any more: whatever became of ours, it has to be put back.
            self._put(merged, standing)
            raise

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────

    def _read(self) -> str | None:
        """Return the file's text, None if there is none; not half of it, while an editor writes."""
        content = _content(self._path)
        newest = next(self._versions.newest_first(), None)
        if content is None or (newest is not None and newest.sha == text_hash(content)):
            return content
        return _settled(self._path, content)

    def _reconciled(self, text: str) -> str:
        """Return the text with what stood there before, and somebody saved over without having seen it."""
        newest = next(self._versions.newest_first(), None)
        if newest is None or newest.sha == text_hash(text) or not self._path.exists():
            return text
        origin = self._versions.origin_of(text, self._saved_at())
        return self._merged(origin or "", newest.text(), text)

    def _saved_at(self) -> float:
        try:
            return self._path.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _merged(self, older: str, ours: str, theirs: str) -> str:
        merged = merge(older, ours, theirs)
        self._conflicts += merged.conflicts
        return merged.text

    # ── Writing ──────────────────────────────────────────────────────────────────────────────────

    def _put(self, text: str, standing: str | None) -> _Put:
        """Put the text in the file's place, where `standing` is expected."""
        if standing is not None:
            self._versions.add(standing)
        aside = self._write_aside(text, standing)
        put = self._put_new(aside, text) if standing is None else self._exchange(aside, text, standing)
        if put.standing == text:
            self._versions.add(text)
        return put

    def _put_new(self, aside: Path, text: str) -> _Put:
        try:
            os.link(aside, self._path)
        except FileExistsError:
            found = self._read()
            return _Put(found, found, self._saved_at())
        finally:
            aside.unlink()
        sync_folder(self._path.parent)
        return _Put(None, text)

    def _exchange(self, aside: Path, text: str, standing: str) -> _Put:
        try:
            is_exchanged = exchange_files(aside, self._path)
        except FileNotFoundError:  # somebody has removed the file
            aside.unlink()
            return _Put(None, None)
        if is_exchanged:
            sync_folder(self._path.parent)
            # What an editor still writes into it is waited for where it looks like half a text; the file is kept, so
            # that what comes later is found later.
            came_out = _content(aside) or ""
            if came_out != standing and not came_out.endswith("\n"):
                came_out = _settled(aside, came_out)
            saved_at = aside.stat().st_mtime
            self._versions.hold(aside, came_out)
            return _Put(came_out, text, saved_at)
        # What cannot be exchanged is compared and replaced: a moment remains in which a save can be lost.
        found = _content(self._path)
        if found != standing:
            aside.unlink()
            return _Put(found, found, self._saved_at())
        aside.replace(self._path)
        sync_folder(self._path.parent)
        return _Put(standing, text)

    def _write_aside(self, text: str, standing: str | None) -> Path:
        old = "none" if standing is None else text_hash(standing)
        unfinished = self._path.with_name(f".{self._path.name}{_UNFINISHED}")
        with unfinished.open("wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if standing is not None:
            with suppress(FileNotFoundError):
                shutil.copymode(self._path, unfinished)
        # Only whole texts have this name: what else is in such a file came out of the file's place.
        return unfinished.rename(self._path.with_name(f".{self._path.name}.{text_hash(text)}.{old}.aside"))

    # ── What was left ────────────────────────────────────────────────────────────────────────────

    def _clear_up(self) -> list[tuple[str, str]]:
        """Return what somebody wrote into a text that had come out already, each with the text that it was before.

        Left are files of a change that a crash cut off, and the last text that came out.
        """
        late: list[tuple[str, str]] = []
        self._path.with_name(f".{self._path.name}{_UNFINISHED}").unlink(missing_ok=True)
        for path in self._path.parent.glob(f".{glob.escape(self._path.name)}.*.aside"):
            named = _ASIDE.fullmatch(path.name)
            if named is None or named["name"] != self._path.name:
                continue
            content = _content(path)
            if content is not None and text_hash(content) not in (named["new"], named["old"]):
                late.append((self._versions.find(named["old"]) or "", content))
            path.unlink(missing_ok=True)
        late += [(self._versions.find(sha) or "", content) for sha, content in self._versions.changed_in_hold()]
        return late


@contextmanager
def _lock(folder: Path, patience_s: float) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    deadline_s = time.monotonic() + patience_s
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline_s:
                    problem = f"somebody else has been writing in {folder} for {patience_s:g} s; try again"
                    raise TransientError(problem) from None
                time.sleep(_LOOK_EVERY_S)  # the lock of another process tells nobody when it is free
        yield
    finally:
        os.close(descriptor)


def _content(path: Path) -> str | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OwnerError(path, line, "is no UTF-8 text", "save the file as UTF-8") from error


def _settled(path: Path, content: str) -> str:
    """Return what the file holds once nobody writes into it any more; `content` is what it held just now.

    A save takes a moment; what has no end yet is waited for up to a second, as a busy machine lets editors wait too.
    """
    deadline_s = time.monotonic() + _TORN_S
    while time.monotonic() < deadline_s:
        time.sleep(_SETTLED_S)
        again = _content(path)
        if again is None or (again == content and content.endswith("\n")):
            break
        content = again
    return content
