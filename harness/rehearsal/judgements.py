"""What the stories of the sample world mean for the team, as somebody judged them once: `recorded/judgements.toml`."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

from harness.prompt.sandbox import TemplateValue
from harness.rehearsal.prompt_inputs import PromptItem

_SENTENCE = re.compile(r".+?[.!?](?=\s|$)")
_LATER = "P2"


@dataclass(frozen=True, slots=True)
class JudgedItem(TemplateValue):
    """An item with its priority, and why it matters."""

    called: ClassVar[str] = "an item"
    title: str
    url: str
    why: str
    priority: str


def judged(items: Sequence[PromptItem], complaint: str, most: int) -> tuple[JudgedItem, ...]:
    """Return so many items as they were judged, the most pressing first; those that the complaint names are left out.

    What nobody judged is for later, and says its own first sentence.
    """
    told, seen = [], Counter[str]()
    for item in items:
        if item.url not in complaint:
            source = item.sources[0] if item.sources else ""
            told.append((_judge(item, _judgements()), seen[source]))
            seen[source] += 1
    # Among those of one priority the sources take turns: none of them has the page for itself.
    ranked = sorted(told, key=lambda each: (each[0].priority, each[1]))
    return tuple(item for item, _ in ranked[:most])


def _judge(item: PromptItem, judgements: Mapping[str, Mapping[str, str]]) -> JudgedItem:
    path = item.url.partition("?")[0]
    found = next((judgement for end, judgement in judgements.items() if path.endswith(end)), None)
    if found is not None:
        return JudgedItem(item.title, item.url, found["why"], found["priority"])
    # A preprint's summary begins with who wrote it.
    why = item.why.partition(". ")[2] or item.why if item.sources[:1] == ("arXiv",) else item.why
    sentence = _SENTENCE.match(why)
    return JudgedItem(item.title, item.url, sentence[0] if sentence else why or "No summary was given.", _LATER)


@cache
def _judgements() -> Mapping[str, Mapping[str, str]]:
    text = files("harness.rehearsal").joinpath("recorded", "judgements.toml").read_text(encoding="utf-8")
    judgements: Mapping[str, Mapping[str, str]] = tomllib.loads(text)
    return judgements
