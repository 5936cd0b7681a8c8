"""What a job came to in a test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.delivery.digest import digest_from_json
from harness.domain.digest import Digest, DigestItem
from harness.domain.run import FireState
from harness.runs.recording import Recording
from harness.runs.verdict import Verdict
from harness.store.json_codec import from_json


@dataclass(frozen=True, slots=True)
class MadeCall:
    """A tool call that the model made: what it was called with, and what came back.

    `arguments` is what the model wrote, parsed; its text where that is no JSON. `error` is None where it worked.
    """

    name: str
    arguments: Any
    result: str
    error: str | None


@dataclass(frozen=True)
class JobResult:
    """How one run of a job ended. `recording` is all that is known of it.

    `state` is what its ledger would say, such as `delivered`, `degraded`, `silent`, `failed`; `reason` says why,
    and `stop` names the reason for which the loop ended.
    """

    state: FireState
    reason: str
    stop: str
    recording: Recording

    @property
    def text(self) -> str:
        """The digest as Markdown, as a channel would deliver it; empty if there is none."""
        return self.recording.digest or ""

    @property
    def answers(self) -> tuple[str, ...]:
        """What the model said, call by call."""
        return tuple(reply["text"] for reply in self._replies)

    @property
    def items(self) -> tuple[DigestItem, ...]:
        """The items of the digest, in their order."""
        return () if self.digest is None else self.digest.items

    @property
    def gaps(self) -> tuple[str, ...]:
        """What the digest says is missing."""
        return () if self.digest is None else self.digest.gaps

    @cached_property
    def digest(self) -> Digest | None:
        """The digest as a value, or None."""
        published = self.recording.value("publish")
        text = "" if published is None else published["digest"]
        return digest_from_json(json.loads(text)) if text else None

    @property
    def violations(self) -> tuple[str, ...]:
        """What the contract still has against the last answer, each as `rule: what is wrong`."""
        verdicts = list(self.recording.values("check").values())
        return tuple(map(str, from_json(Verdict, verdicts[-1]).violations)) if verdicts else ()

    @property
    def prompt(self) -> str:
        """What the model was sent at first, all messages after one another; or the text of a template."""
        filled = self.recording.value("assemble", "template")
        if filled is not None:
            return str(filled)
        sent = self.recording.value("assemble", "prompt")
        return "" if sent is None else "\n\n".join(message["content"] for message in sent["messages"])

    @property
    def tool_calls(self) -> tuple[MadeCall, ...]:
        """The tools that were called, in order."""
        results = self.recording.values("tool")
        made: list[MadeCall] = []
        for call_id, value in self.recording.values("model").items():
            for number, call in enumerate((value["reply"] or {}).get("tool_calls", ()), start=1):
                result = results.get(f"{call_id}.{number}", {"result": {"content": "", "error_kind": "not answered"}})
                shown = result["result"]
                made.append(MadeCall(call["name"], _parsed(call["arguments"]), shown["content"], shown["error_kind"]))
        return tuple(made)

    @property
    def model_calls(self) -> int:
        """How often a model was asked."""
        return len(self.recording.values("model"))

    @property
    def cost(self) -> float:
        """What the model calls cost, US dollars, at the prices of the profile."""
        return float(sum(reply["cost_usd"] for reply in self._replies))

    @property
    def _replies(self) -> list[dict[str, Any]]:
        replies = (value["reply"] for value in self.recording.values("model").values())
        return [reply for reply in replies if reply is not None]

    def __str__(self) -> str:
        return f"{self.recording.run.job_id} {self.state}{f': {self.reason}' if self.reason else ''} ({self.stop})"


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
