"""How long a request may be, and what is shown of one that is long.

The whole text stands in the request's log, which all nodes share: nothing is lost, whichever disk is gone, and the
receiver reads it wherever it runs. Prompts, mirrors and lists show a preview; where a model needs the rest, it is
written as a file on the node that runs it, from the log. So a log entry is capped, far above what anybody writes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.domain.errors import HarnessError, Refused
from harness.domain.request import Final
from harness.gate.results import RUN_PREFIX
from harness.gate.tree import replace_file

HARD_CAP_BYTES = 1_000_000
"""What all texts of a request, or of a final, may hold together in UTF-8; more belongs in a file."""

MAX_KEY_BYTES = 500
"""How long an idempotency key may be: databases keep it in an index, whose entries are short."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_CODE_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class Worded(Protocol):
    """What is asked for, whether it was sent already (`Request`) or not (`Ask`)."""

    @property
    def task(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def background(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def expected_output(self) -> str: ...
    @property
    def acceptance(self) -> tuple[str, ...]: ...
    @property
    def fallback(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Overflow:
    """A text that is longer than its reader is shown: the file for the whole, `name`, and what goes into it."""

    name: str
    text: str

    @property
    def path(self) -> str:
        """Where the file tools of the run find it."""
        return f"{RUN_PREFIX}{self.name}"


def check_request_text(asked: Worded) -> None:
    """Hold the request's texts to the cap.

    Raises Refused (`too-long`), HarnessError for characters that no log can hold.
    """
    if len(asked.key.encode("utf-8", "replace")) > MAX_KEY_BYTES:
        raise Refused("too-long", f"an idempotency key has at most {MAX_KEY_BYTES} bytes; use a hash of what it says")
    _check(_texts(asked), "the request", "put the material into a file, and name the file among the inputs")


def check_final_text(final: Final) -> None:
    """Hold the final's texts to the cap; raises as `check_request_text` does."""
    texts = (final.conclusion, *final.actions)
    _check(texts, "the final", "write the result into a file, and name the file as evidence")


def overflow(kind: str, text: str) -> Overflow:
    """Return the file for the whole of a text; the same text of the same kind has the same name."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Overflow(f"{_UNSAFE.sub('-', kind)[:60].strip('.-') or 'text'}-{digest}.md", text)


def write_overflow(whole: Overflow, folder: Path) -> Path:
    """Write the whole text into the folder of the run that is shown the preview; writing it again changes nothing.

    Raises OSError if the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder, (whole.name,), whole.text.encode(), replaces=None)
    return folder / whole.name


def preview(text: str, limit_chars: int) -> str:
    """Return at most that much of the text's beginning, cut between two blocks if it has to be cut.

    A block boundary in the second half of what fits is taken, else the end of a line, else of a word. A code block is
    not cut where there is another way, and closed where there is none.
    """
    if len(text) <= limit_chars:
        return text
    head = _beginning(text, limit_chars)
    mark = _open_fence(head)
    if mark is None:
        return head
    head = _beginning(text, limit_chars - len(mark) - 1)
    mark = _open_fence(head)
    return head if mark is None or len(head) + len(mark) + 1 > limit_chars else f"{head}\n{mark}"


def _beginning(text: str, limit_chars: int) -> str:
    head = text[: max(0, limit_chars)]
    for ends in (_block_ends(head), _line_ends(head), _word_ends(head)):
        last = max((end for end in ends if end >= len(head) // 2), default=None)
        if last is not None:
            return head[:last].rstrip()
    return head.rstrip()


def _check(texts: Iterable[str], what: str, fix: str) -> None:
    size = 0
    for text in texts:
        if _UNSTORABLE.search(text):
            raise HarnessError(f"{what} holds a NUL or half of a surrogate pair, which no text can; leave it out")
        size += len(text.encode())
    if size > HARD_CAP_BYTES:
        raise Refused("too-long", f"{what} has {size:,} bytes of text, and may have {HARD_CAP_BYTES:,}; {fix}")


def _texts(asked: Worded) -> tuple[str, ...]:
    own = (asked.task, asked.key, asked.background, asked.expected_output, asked.fallback)
    return (*own, *asked.inputs, *asked.acceptance)


def _block_ends(text: str) -> Iterator[int]:
    """Where a blank line follows, outside of code."""
    mark: str | None = None
    at = 0
    for line in text.splitlines(keepends=True):
        if not line.strip() and mark is None:
            yield at
        mark = _after_line(mark, line)
        at += len(line)


def _line_ends(text: str) -> Iterator[int]:
    return (match.start() for match in re.finditer(r"\n", text))


def _word_ends(text: str) -> Iterator[int]:
    return (match.start() for match in re.finditer(r"\s", text))


def _open_fence(text: str) -> str | None:
    """Return the mark that closes the code block in which the text ends, or None."""
    mark: str | None = None
    for line in text.splitlines():
        mark = _after_line(mark, line)
    return mark


def _after_line(mark: str | None, line: str) -> str | None:
    found = _CODE_FENCE.match(line)
    if found is None:
        return mark
    if mark is None:
        return found[1]
    return None if found[1].startswith(mark) and not line[found.end() :].strip() else mark
