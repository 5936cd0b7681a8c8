"""Reading, listing and writing files of the workspace."""

from __future__ import annotations

import asyncio
import hashlib
import unicodedata
from typing import Annotated

from pydantic import Field

from harness.domain.errors import ToolError
from harness.domain.tool import Claim
from harness.gate.caller import Caller
from harness.gate.paths import PathRules
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.gate.results import RUN_PREFIX

MAX_READ_BYTES = 5_000_000
PAGE_CHARS = 7_800  # a page, and the line that says how to go on, stay below the cap
MAX_ENTRIES = 500


class ReadArguments(Arguments):
    path: str
    offset: Annotated[int, Field(ge=0)] = 0


class ListArguments(Arguments):
    folder: str = ""


class WriteArguments(Arguments):
    path: str
    text: str


def file_tools() -> tuple[Tool, ...]:
    """Return the tools for the files that the caller's agent is granted."""
    # What stands in a file may be quoted from outside, so it is treated as coming from there.
    reading = Traits(effect="read", is_untrusted=True)
    return (
        define_tool("files.read", "Read a text file; offset is in characters.", ReadArguments, _read, reading),
        define_tool("files.list", "List a folder.", ListArguments, _list, reading),
        define_tool(
            "files.write",
            "Write a text file; read it first if it exists.",
            WriteArguments,
            _write,
            # No link is followed, so that two files of different names are two files.
            Traits(effect="write", claims=_written),
        ),
    )


def _written(arguments: WriteArguments) -> Claim:
    """Return the file that is written, named the same however a disk may compare names."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", arguments.path).casefold())
    return frozenset(("/".join(part for part in folded.split("/") if part not in ("", ".")),))


async def _read(arguments: ReadArguments, caller: Caller) -> str:
    return await asyncio.to_thread(_read_page, arguments, caller)


def _read_page(arguments: ReadArguments, caller: Caller) -> str:
    content = _whole_file(arguments.path, caller)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ToolError(f"{arguments.path} is no UTF-8 text") from None
    end = arguments.offset + PAGE_CHARS
    page = text[arguments.offset : end]
    if end < len(text):
        page += f"\n… {end:,} of {len(text):,} characters; go on with offset={end}"
    return page or ("(empty)" if not text else f"(the file ends at {len(text):,} characters)")


def _whole_file(path: str, caller: Caller) -> bytes:
    if path.startswith(RUN_PREFIX):
        return PathRules(caller.folder, read_paths=(".",)).read_bytes(path.removeprefix(RUN_PREFIX), MAX_READ_BYTES)
    content = caller.paths.read_bytes(path, MAX_READ_BYTES)
    caller.seen[_key(path, caller)] = hashlib.sha256(content).hexdigest()
    return content


async def _list(arguments: ListArguments, caller: Caller) -> str:
    return await asyncio.to_thread(_list_folder, arguments.folder, caller)


def _list_folder(folder: str, caller: Caller) -> str:
    granted = sorted({*caller.paths.read_paths, *caller.paths.write_paths})
    if folder in ("", ".") and "." not in granted:
        return "\n".join(f"{path.rstrip('/')}/" for path in granted) or "(no folder is granted)"
    entries = caller.paths.entries(folder or ".")
    lines = [f"{entry.name}/" if entry.size is None else f"{entry.name} ({entry.size:,} bytes)" for entry in entries]
    if len(lines) > MAX_ENTRIES:
        lines[MAX_ENTRIES:] = [f"… and {len(lines) - MAX_ENTRIES:,} more"]
    return "\n".join(lines) or "(empty)"


async def _write(arguments: WriteArguments, caller: Caller) -> str:
    return await asyncio.to_thread(_write_file, arguments, caller)


def _write_file(arguments: WriteArguments, caller: Caller) -> str:
    content = arguments.text.encode("utf-8")
    key = _key(arguments.path, caller)
    caller.paths.write_bytes(arguments.path, content, replaces=caller.seen.get(key))
    caller.seen[key] = hashlib.sha256(content).hexdigest()
    return f"wrote {len(content):,} bytes to {arguments.path}"


def _key(path: str, caller: Caller) -> str:
    return "/".join(caller.paths.check(path, "read"))
