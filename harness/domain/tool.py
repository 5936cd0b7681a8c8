"""What a tool is, seen from outside: its schema, its effect, its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.domain.message import ToolSchema
from harness.domain.request import Final

Effect = Literal["read", "write", "external", "execute"]

Claim = frozenset[str] | None
"""What a call needs for itself while it runs: nothing if it is empty, as for reading; these things; None: all."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that the harness has.

    `effect` says what it can do to the world; `is_untrusted` that its results carry text from outside
    the team; `cap_chars` is the length from which a result goes to a file with a preview in the context.
    """

    schema: ToolSchema
    effect: Effect = "read"
    is_untrusted: bool = False
    timeout_s: float = 30.0
    cap_chars: int = 8_000

    @property
    def name(self) -> str:
        return self.schema.name


@dataclass(frozen=True, slots=True)
class Wait:
    """The run is to wait for the final of a request, and to go on with it."""

    request_id: str
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True, slots=True)
class End:
    """The run has brought the request that it works on to its final."""

    final: Final
    kind: Literal["end"] = "end"


@dataclass(frozen=True, slots=True)
class PassOn:
    """The run passes the request that it works on to another receiver."""

    receiver: str
    reason: str
    kind: Literal["pass_on"] = "pass_on"


@dataclass(frozen=True, slots=True)
class Delegate:
    """The run is to have the task worked on in a conversation of its own, and to answer the call with its result.

    `tools` are the names of the tools that are lent for it.
    """

    task: str
    expected_output: str = ""
    tools: tuple[str, ...] = ()
    kind: Literal["delegate"] = "delegate"


Signal = Wait | End | PassOn | Delegate
"""What a tool cannot do itself, as it never reaches up: the run carries it out."""


@dataclass(frozen=True, slots=True)
class Told:
    """A tool's answer to the model, with what the run is to carry out."""

    text: str
    signal: Signal


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool call gave back; `error_kind` is None when it worked.

    `refused` names the rule of the gate that said no in `rule`; `file` is where the whole result
    lies when `content` is only its preview. A `signal` is for the run to carry out: with all but Delegate the loop
    ends. `cancelled` is what was not done at all.
    """

    content: str
    error_kind: Literal["refused", "invalid", "failed", "timeout", "cancelled"] | None = None
    rule: str | None = None
    file: str | None = None
    is_untrusted: bool = False
    signal: Signal | None = None

    @property
    def is_ok(self) -> bool:
        return self.error_kind is None
