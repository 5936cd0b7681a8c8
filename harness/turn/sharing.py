"""The results of one reply share what there is for them in the conversation. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.domain.message import ToolCall
from harness.domain.tool import ToolResult
from harness.gate.results import file_name, file_of, shortened

_PREVIEW_CHARS = 500
"""What every result may take, however much the ones before it took."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The results as they stand in the conversation, and the texts of new files by their names."""

    results: tuple[ToolResult, ...]
    files: Mapping[str, str] = field(default_factory=dict)


def share_out(calls: Sequence[ToolCall], results: Sequence[ToolResult], reply_chars: int, *, can_read: bool) -> Shares:
    """Return the results so that together they take `reply_chars`, or little more: 0 stands for no limit.

    In call order each takes what it needs of what is left, and else a short preview of it with its file.
    """
    if not reply_chars or sum(len(result.content) for result in results) <= reply_chars:
        return Shares(tuple(results))
    shared: list[ToolResult] = []
    files: dict[str, str] = {}
    left = reply_chars
    for call, result in zip(calls, results, strict=True):
        share = max(_PREVIEW_CHARS, left)
        if len(result.content) > share and result.is_ok:
            name = file_name(call.name, call.id, result.content)
            if file_of(result.content, name) == name:
                files[name] = result.content
            result = replace(result, content=shortened(result.content, share, name, can_read=can_read))
        shared.append(result)
        left -= len(result.content)
    return Shares(tuple(shared), files)
