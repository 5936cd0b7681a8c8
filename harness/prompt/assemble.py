"""From gathered parts to the messages a model is sent. Pure: the same parts give the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from harness.domain.message import Message, ToolSchema
from harness.domain.tokens import estimate_request_tokens, estimate_tokens
from harness.prompt.budget import Fitted, fit
from harness.prompt.gather import Gathered
from harness.prompt.manifest import Manifest, ManifestRow
from harness.prompt.outline import outline, schema_json
from harness.prompt.sections import render_section

# The overhead of two messages, and the rounding of each.
_MESSAGES_TOKENS = 12


@dataclass(frozen=True, slots=True)
class AssembledPrompt:
    """What a model is sent; `sha256` is that of messages and tools, `manifest` its token table."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...]
    sha256: str
    manifest: Manifest


def assemble(gathered: Gathered) -> AssembledPrompt:
    """Return the prompt: the system message holds what stays from run to run, the user message the rest.

    Raises OwnerError where a file of the person's is over its budget or its Jinja2 is wrong, LimitReached
    (`context`) if the model's context is too small for what cannot be left out.
    """
    fitted = fit(outline(gathered), gathered.budget_tokens - _MESSAGES_TOKENS)
    messages = (
        Message("system", _text(part for part in fitted if part.section.is_stable)),
        Message("user", _text(part for part in fitted if not part.section.is_stable)),
    )
    rows = tuple(_row(part) for part in fitted if part.section.records)
    total = estimate_request_tokens(messages, gathered.tools)
    return AssembledPrompt(
        messages=messages,
        tools=gathered.tools,
        sha256=prompt_hash(messages, gathered.tools),
        manifest=Manifest(rows, total, gathered.budget_tokens),
    )


def without_secrets(prompt: AssembledPrompt, redact: Callable[[str], str]) -> AssembledPrompt:
    """Return the prompt as it may be sent: whatever file a secret stood in, it stays here."""
    messages = tuple(replace(message, content=redact(message.content)) for message in prompt.messages)
    return replace(prompt, messages=messages, sha256=prompt_hash(messages, prompt.tools))


def prompt_hash(messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> str:
    """Return the SHA-256 of the messages and schemas that a model is sent."""
    body = {"messages": [[message.role, message.content] for message in messages], "tools": [*map(schema_json, tools)]}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("ascii")).hexdigest()


def _text(parts: Iterator[Fitted]) -> str:
    return "\n\n".join(text for part in parts if (text := render_section(part.section, part.kept)))


def _row(part: Fitted) -> ManifestRow:
    section = part.section
    # Schemas are sent beside the messages, each on its own.
    texts = [record.text for record in part.kept] if section.style == "tools" else [render_section(section, part.kept)]
    return ManifestRow(
        section=section.name,
        tokens=sum(estimate_tokens(text) for text in texts),
        budget_tokens=section.budget_tokens,
        kept=len(part.kept),
        dropped=tuple(record.name for record in part.dropped),
        ids=tuple(identifier for record in part.kept for identifier in record.ids),
    )
