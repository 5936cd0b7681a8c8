"""Channels: where a digest is handed to the person, and what proves that it was."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO
from zoneinfo import ZoneInfo

from harness.delivery.html import render_html
from harness.delivery.markdown import render_markdown
from harness.domain.digest import Digest
from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.store.durable_file import sync_folder

LATEST = "latest"
_OWNERS_TURN = {
    errno.EROFS: ("is on a read-only file system", "make it writable"),
    errno.EACCES: ("may not be written by this user", "grant write permission"),
    errno.EPERM: ("may not be written by this user", "grant write permission"),
    errno.ENOSPC: ("is on a full disk", "free some space"),
    errno.EDQUOT: ("is over its disk quota", "free some space"),
    errno.EFBIG: ("is larger than this user may write", "raise the limit (ulimit -f)"),
    errno.ENOTDIR: ("leads through a file that is no folder", "move that file away"),
    errno.EISDIR: ("is a folder where a file should be", "move that folder away"),
}


@dataclass(frozen=True, slots=True)
class OutboundDigest:
    """A digest on its way. `key` is the idempotency key: the same for every try, of this run on this channel.

    Where it takes several messages, `progress` is what an earlier try noted with `note_progress`: how far it got.
    """

    key: str
    digest: Digest
    progress: str = ""
    note_progress: Callable[[str], None] = lambda progress: None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A channel's word that the person has it.

    `location` is the Markdown file, or where else it went; `files` are all that were written;
    `sha256` is the hash of the Markdown, as read back where that is possible.
    """

    key: str
    channel: str
    location: str
    sha256: str
    files: tuple[str, ...] = ()


class Channel(Protocol):
    """A way to the person."""

    @property
    def name(self) -> str:
        """The channel's name in `harness.toml`."""
        ...

    @property
    def is_interrupting(self) -> bool:
        """Whether it reaches for the person's attention; then it is held back in quiet hours."""
        ...

    def deliver(self, message: OutboundDigest) -> Receipt:
        """Hand the digest over, whole, and return the receipt; the same key again changes nothing.

        Raises TransientError where a later try may work, OwnerError where the person must act first.
        """
        ...


class FileChannel:
    """Writes `<folder>/<local date>/<agent>-<job>.md` and `.html`, and copies of both in `<folder>/latest/`.

    Exactly once: files appear whole or not at all, carry the key of their delivery, and a second try
    with the same key finds them. A second run of a day gets the local time at the end of its name; no
    run ever replaces the file of another. The copies in `latest` keep one address for a bookmark and
    always show the newest digest of their job.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_interrupting(self) -> bool:
        return False

    def deliver(self, message: OutboundDigest) -> Receipt:
        """Write both files, read them back, and return the receipt.

        Raises OwnerError for a folder that is read-only, forbidden or full, TransientError for any
        other failure of the disk, each with the path.
        """
        digest = message.digest
        markdown = f"{render_markdown(digest)}\n{_mark(message)}\n".encode()
        page = f"{render_html(digest)}\n{_mark(message)}\n".encode()
        day = self._folder / f"{digest.made_at.astimezone(ZoneInfo(digest.zone)):%Y-%m-%d}"
        with _disk_errors(day, self._name):
            text_file = _claim(day, message, markdown)
            page_file = text_file.with_suffix(".html")
            _put(page_file, page)
            for path, content in ((text_file, markdown), (page_file, page)):
                if path.read_bytes() != content:
                    raise TransientError(f"{path}: what was read back is not what was written")
        with _disk_errors(self._folder / LATEST, self._name):
            self._show_as_latest(digest, markdown, page)
        return Receipt(
            key=message.key,
            channel=self._name,
            location=str(text_file),
            sha256=hashlib.sha256(markdown).hexdigest(),
            files=(str(text_file), str(page_file)),
        )

    def _show_as_latest(self, digest: Digest, markdown: bytes, page: bytes) -> None:
        stem = self._folder / LATEST / _stem(digest)
        moment = digest.made_at.timestamp()
        for suffix, content in ((".md", markdown), (".html", page)):
            path = Path(f"{stem}{suffix}")
            # A late second try of an old run must not hide a newer one: the file's time is its digest's.
            if not path.exists() or path.stat().st_mtime <= moment:
                _put(path, content, modified_at=moment)


class StdoutChannel:
    """Prints the Markdown, headed by its key.

    Not exactly once: a terminal cannot be asked what it has shown. After a crash between printing and
    recording, the same digest is printed again, with the same key in its first line, by which a
    reader (or a program) tells the repetition from a new digest.
    """

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name = name
        self._stream = stream

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_interrupting(self) -> bool:
        return False

    def deliver(self, message: OutboundDigest) -> Receipt:
        """Print the digest and return the receipt. Raises TransientError if the stream is closed."""
        text = render_markdown(message.digest)
        try:
            self._stream.write(f"<!-- {_safe_key(message.key)} -->\n{text}\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise TransientError(f"channel {self._name}: the output could not be written: {error}") from error
        return Receipt(message.key, self._name, "stdout", hashlib.sha256(text.encode()).hexdigest())


def _claim(day: Path, message: OutboundDigest, markdown: bytes) -> Path:
    """Write the Markdown under the first name that is free or already this delivery's, and return it."""
    for stem in _stems(message.digest):
        path = day / f"{stem}.md"
        if _belongs_to(path, message):
            _put(path, markdown)
            return path
        if not path.exists() and _put_if_absent(path, markdown):
            return path
    raise AssertionError("there is always another name")  # pragma: no cover


def _stems(digest: Digest) -> Iterator[str]:
    stem = _stem(digest)
    yield stem
    stem += f"-{digest.made_at.astimezone(ZoneInfo(digest.zone)):%H%M}"
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _stem(digest: Digest) -> str:
    return re.sub(r"[^\w.\-]+", "-", digest.job_id.replace("/", "-")).strip(".-") or "digest"


def _safe_key(key: str) -> str:
    # Two hyphens would end the comment.
    return re.sub(r"-(?=-)|[<>\s]", lambda match: f"%{ord(match.group()):02X}", key)


def _mark(message: OutboundDigest) -> str:
    return f"<!-- harness delivery: {_safe_key(message.key)} -->"


def _belongs_to(path: Path, message: OutboundDigest) -> bool:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    return content.rstrip().endswith(_mark(message).encode())


def _put(path: Path, content: bytes, *, modified_at: float | None = None) -> None:
    """Put the file in place, whole, whatever was there."""
    with _written_aside(path, content) as aside:
        if modified_at is not None:
            os.utime(aside, (modified_at, modified_at))
        aside.replace(path)
        sync_folder(path.parent)


def _put_if_absent(path: Path, content: bytes) -> bool:
    """Put the file in place, whole, unless there is one already; return whether it was put."""
    with _written_aside(path, content) as aside:
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            if path.exists():
                return False
            aside.replace(path)  # a file system without hard links: one writer per folder has to do
        sync_folder(path.parent)
        return True


@contextlib.contextmanager
def _written_aside(path: Path, content: bytes) -> Iterator[Path]:
    """Give a file beside `path` that is on the disk already, and clear it away afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named after the content: what a kill leaves behind is taken over by the next try.
    aside = path.with_name(f".{path.name}.{hashlib.sha256(content).hexdigest()[:12]}.part")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk_errors(folder: Path, channel: str) -> Iterator[None]:
    """Say of a failing disk who must act: the person, or nobody but a later try."""
    try:
        yield
    except HarnessError:
        raise
    except OSError as error:
        path = error.filename or folder
        if error.errno in _OWNERS_TURN:
            problem, remedy = _OWNERS_TURN[error.errno]
            fix = f"{remedy}, or set another folder for channels.{channel} in harness.toml"
            raise OwnerError(path, None, problem, fix) from error
        raise TransientError(f"{path}: {error.strerror or error}") from error
