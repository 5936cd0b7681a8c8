"""Where words go: data to stdout, everything else to stderr, and nothing at all into a closed pipe."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any, TextIO

# Titles and reasons come from outside; a terminal would obey what they contain.
_CONTROL = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), 127, *range(128, 160)) if code not in (9, 10)}


def say(text: str = "") -> None:
    """Print a line, or several, for the person on stdout."""
    _write(sys.stdout, text.translate(_CONTROL) + "\n")


def note(text: str) -> None:
    """Print what is no data, such as progress or a warning, on stderr."""
    _write(sys.stderr, text.translate(_CONTROL) + "\n")


def emit_json(document: Any) -> None:
    """Print the one JSON document that `--json` promises."""
    _write(sys.stdout, json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def write_exactly(text: str) -> None:
    """Print the text as it is, without a line end that it doesn't have."""
    _write(sys.stdout, text)


def draw(text: str) -> None:
    """Write to the terminal on stderr at once, as it is; for what moves, such as a progress bar."""
    _write(sys.stderr, text)
    sys.stderr.flush()


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person is watching the stream."""
    return stream is not None and stream.isatty()


def open_streams() -> None:
    """Make the streams ready for any text: what their encoding lacks is replaced, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def flush() -> None:
    """Bring out what is still buffered. Raises OSError if a full disk keeps it from being written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except BrokenPipeError:
                _discard(stream)
            except OSError:
                # Python tries once more when it ends, and would end with its own exit code.
                _discard(stream)
                raise


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed by whoever started us
        return
    try:
        stream.write(text)
    except BrokenPipeError:
        _discard(stream)


def _discard(stream: TextIO) -> None:
    """Let everything else that is written there vanish: the reader has seen enough, the work goes on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
