"""Changing a record of a `.learnings/` file, line by line, in the person's own text. Pure.

What stays the same in the record, and everything around it, stays the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.domain.learning import Learning, Verification
from harness.gate.sanitise import one_line
from harness.memory.learnings import ATTRIBUTES, FIELD, READERS, WORDS, Found, parse_learnings, with_words

_KEY = re.compile(r"([a-z_]+):")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_TITLE_CHARS = 120


def render_learning(learning: Learning) -> str:
    """Return the record as it stands in a file; parsed, it is the same record, `as_written`."""
    learning = as_written(learning)
    lines = [_heading(learning), "```yaml"]
    for key in READERS:
        lines += _lines_of(learning, key)
    return "\n".join([*lines, "```", *_word_lines(learning)]) + "\n"


def with_learning(text: str, learning: Learning) -> str:
    """Return the text with the record in it: changed where it stands, or at the end; as `with_learnings`."""
    return with_learnings(text, (learning,))


def with_learnings(text: str, learnings: Iterable[Learning]) -> str:
    """Return the text with the records in it: each changed where it stands, or at the end.

    Only lines of which a record says something new are others afterwards. Raises ValueError if a record of such an id
    stands there and cannot be read.
    """
    wanted = {learning.id: as_written(learning) for learning in learnings}
    newline = _newline(text)
    # From the last to the first: what stands above a change keeps its lines.
    for found in reversed(parse_learnings(text).found):
        learning = wanted.pop(found.learning.id, found.learning)
        if learning != found.learning:
            changed = _changed(text.split("\n"), found, learning)
            text = "\n".join(line if line is old else line + newline.removesuffix("\n") for line, old in changed)
    for learning in wanted.values():
        if re.search(rf"^##[ \t]+{re.escape(learning.id)}\b", text, re.MULTILINE):
            raise ValueError(f"the record {learning.id} cannot be read, and is left alone")
        text = _appended(text, learning)
    return text


def _changed(lines: list[str], found: Found, learning: Learning) -> Iterator[tuple[str, str | None]]:
    """Yield every line of the text, with the line that it was if it is an old one."""
    place, old = found.place, found.learning
    for number in range(place.heading):
        yield lines[number], lines[number]
    yield from _kept_or_new(lines[place.heading : place.heading + 1], [_heading(old)], [_heading(learning)])
    for number in range(place.heading + 1, place.yaml.start):
        yield lines[number], lines[number]
    written = set()
    for key, group in _groups(lines[place.yaml.start : place.yaml.stop]):
        if key:
            written.add(key)
        unchanged = not key or _lines_of(old, key) == _lines_of(learning, key)
        yield from (
            ((line, line) for line in group) if unchanged else ((line, None) for line in _lines_of(learning, key))
        )
    for key in READERS:
        if key not in written and _lines_of(old, key) != _lines_of(learning, key):
            yield from ((line, None) for line in _lines_of(learning, key))
    says_the_same = _word_lines(old) == _word_lines(learning)
    for number in range(place.yaml.stop, len(lines)):
        if says_the_same or number not in place.words:
            yield lines[number], lines[number]
        if number == (place.words.stop - 1 if place.words else place.yaml.stop) and not says_the_same:
            yield from ((line, None) for line in _word_lines(learning))


def _kept_or_new(there: list[str], old: list[str], new: list[str]) -> Iterator[tuple[str, str | None]]:
    yield from ((line, line) for line in there) if old == new else ((line, None) for line in new)


def _groups(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines of each key; what stands above the first one has none."""
    key = ""
    group: list[str] = []
    for line in lines:
        found = _KEY.match(line)
        if found:
            if group:
                yield key, group
            key, group = found[1], []
        group.append(line)
    if group:
        yield key, group


def _heading(learning: Learning) -> str:
    return f"## {learning.id} · {learning.title}" if learning.title else f"## {learning.id}"


def _lines_of(learning: Learning, key: str) -> list[str]:
    """Return the lines of one key; none where it goes without saying."""
    value = getattr(learning, ATTRIBUTES.get(key, key))
    match value:
        case tuple():
            if not value:
                return [f"{key}: []"]
            return [f"{key}:", *(f"  - {_flow(each)}" for each in value)]
        case bool():
            return [f"{key}: {str(value).lower()}"]
        case None:
            return [] if key in ("run", "author") else [f"{key}: null"]
        case _:
            return [f"{key}: {_quoted(str(value))}"]


def _flow(verification: Verification) -> str:
    ok = str(verification.is_ok).lower()
    return (
        f"{{run: {_quoted(verification.run)}, at: {verification.at}, check: {_quoted(verification.check)}, ok: {ok}}}"
    )


def _quoted(text: str) -> str:
    """Quote what YAML would read as something else than this text."""
    is_plain = re.fullmatch(r"[A-Za-z0-9][\w./~@-]*(?::[\w./~@-]+)*", text, re.ASCII) is not None
    is_number = re.fullmatch(r"[-+]?[0-9][0-9_.eExXoa-f:]*", text) is not None and not re.fullmatch(
        r"\d{4}-\d{2}-\d{2}|[0-3]", text
    )
    if is_plain and not is_number and text.lower() not in ("true", "false", "null", "yes", "no", "on", "off"):
        return text
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _word_lines(learning: Learning) -> list[str]:
    return [f"{name.capitalize()}: {said}" for name in WORDS if (said := getattr(learning, name))]


def as_written(learning: Learning) -> Learning:
    """Return the record with its words as a file keeps them: each on one line, and none that looks like a field."""
    words = {name: FIELD.sub(lambda found: f"{found[1]} : ", one_line(getattr(learning, name))) for name in WORDS}
    words = {name: " ".join(said.split()) for name, said in words.items()}
    return with_words(replace(learning, title=one_line(learning.title)[:_TITLE_CHARS].strip()), words)


def _appended(text: str, learning: Learning) -> str:
    newline = _newline(text)
    record = render_learning(learning).replace("\n", newline)
    if not text.strip():
        return text + record
    gap = "" if text.endswith(newline * 2) else newline if text.endswith("\n") else newline * 2
    return text + gap + record


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
