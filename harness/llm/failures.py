"""What an unsuccessful answer means: who must act, and whether trying again can help. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.domain.cause import endpoint_cause, profile_cause, rate_limit_cause
from harness.domain.errors import FailureKind, LimitReached, OwnerError, TransientError
from harness.domain.message import Usage
from harness.domain.settings import Profile
from harness.gate.sanitise import one_line
from harness.llm.backoff import asked_wait_s
from harness.llm.endpoint import SETTINGS_FILE, Endpoint

_RETRIED = {408, 409, 425, 429}
_CONTEXT_CODES = {"context_length_exceeded", "exceed_context_size_error"}
_CONTEXT_WORDS = re.compile(
    r"context (length|window|size|limit)|maximum context|(prompt|input) is too long|reduce the length", re.IGNORECASE
)
_QUOTA_CODES = {"insufficient_quota", "billing_error", "billing_hard_limit_reached"}
_QUOTA_WORDS = re.compile(
    r"credit balance|insufficient (balance|credits?|funds)|API usage limits|spend(ing)? (limit|cap)", re.IGNORECASE
)
_FILTER_WORDS = re.compile(r"content filter(ing)? policy", re.IGNORECASE)
_SAID_CHARS = 300


@dataclass(frozen=True, slots=True)
class Retry:
    """A failure that may pass: `what` happened, of which kind it is, what the other side `said`, and how long it
    asked to wait. `paid` is what it counted all the same."""

    what: str
    kind: FailureKind
    said: str = ""
    asked_s: float | None = None
    paid: Usage | None = None

    @property
    def is_down(self) -> bool:
        """Whether nobody answered, or only to say that it is broken itself."""
        return self.kind in ("network", "overload")


@dataclass(frozen=True, slots=True)
class Filtered:
    """The endpoint would not pass the prompt to the model (`said` is its reason)."""

    said: str


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer that is not a completion. `said` is one line and free of secrets; `codes` are the
    machine-readable names in its body; `headers` have lower-case names."""

    status: int
    said: str
    codes: frozenset[str]
    headers: Mapping[str, str]


def judge_answer(answer: ErrorAnswer, profile: Profile, endpoint: Endpoint, *, has_key: bool) -> Retry | Filtered:
    """Return what to do about an error answer that configuration is not to blame for.

    Raises OwnerError for what only the person can change, LimitReached("context") for a request that is
    too long.
    """
    status = answer.status
    if status == 413 or (status not in (401, 403, 404, 429) and _is_about_context(answer)):
        raise LimitReached("context", f"{profile.model}: {answer.said}")
    if status == 400 and ("content_filter" in answer.codes or _FILTER_WORDS.search(answer.said)):
        return Filtered(answer.said)
    if (status in _RETRIED or status >= 500) and not _is_about_credit(answer):
        return Retry(f"HTTP {status}", _passing_kind(status), answer.said, asked_wait_s(answer.headers))
    where = f"profile {profile.name!r} ({profile.model} at {endpoint.shown})"
    said = f": {answer.said}" if answer.said else ""
    raise OwnerError(
        SETTINGS_FILE,
        None,
        f"{where} answered HTTP {status}{said}",
        _fix(answer, profile, has_key=has_key),
        cause=profile_cause(profile.name),
        failure=_lasting_kind(answer),
    )


def asks_for_completion_limit(answer: ErrorAnswer) -> bool:
    """Say whether the endpoint wants the output limit under its newer name, `max_completion_tokens`."""
    return answer.status == 400 and "max_completion_tokens" in answer.said


def given_up(failures: Sequence[Retry], profile: Profile, endpoint: Endpoint) -> TransientError:
    """Return what to raise after the last attempt, with the cause and the kind that the last failure shows."""
    last = failures[-1]
    if last.is_down:
        cause: str | None = endpoint_cause(endpoint.name)
    else:
        cause = rate_limit_cause(endpoint.name) if last.kind == "rate_limit" else None
    return TransientError(
        _in_words(failures, profile, endpoint), cause=cause, failure=last.kind, retry_after_s=last.asked_s
    )


def codes_in(payload: Any) -> frozenset[str]:
    """Return the machine-readable names in an error body."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if not isinstance(error, dict):
        return frozenset()
    return frozenset(str(error[key]) for key in ("code", "type") if isinstance(error.get(key), str | int))


def words_in(payload: Any, text: str) -> str:
    """Return what an error body says; `text` is the raw body, `payload` its JSON value or None."""
    said: Any = payload
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and key in said:
            said = said[key]
    if isinstance(said, str):
        return said
    if payload is None:
        return text
    return json.dumps(said) if said else ""


def shown_words(said: str) -> str:
    """Return the text on one line of at most 300 characters; secrets are taken out before, never after."""
    line = one_line(said)
    return line if len(line) <= _SAID_CHARS else f"{line[:_SAID_CHARS]}…"


def _in_words(failures: Sequence[Retry], profile: Profile, endpoint: Endpoint) -> str:
    """Return one sentence: whom we asked, how often, what happened how many times, and the last words."""
    counts = Counter(failure.what for failure in failures)
    listed = ", ".join(f"{what} ({times}x)" for what, times in counts.items())
    tries = "1 attempt" if len(failures) == 1 else f"{len(failures)} attempts"
    said = f"; the last said: {failures[-1].said}" if failures[-1].said else ""
    return f"profile {profile.name!r} ({profile.model} at {endpoint.shown}) failed in {tries}: {listed}{said}"


def _is_about_context(answer: ErrorAnswer) -> bool:
    return bool(answer.codes & _CONTEXT_CODES or _CONTEXT_WORDS.search(answer.said))


def _passing_kind(status: int) -> FailureKind:
    """What asks us to come back later is well, also where it says so with 409 or 425."""
    if status in (408, 504):
        return "network"
    return "overload" if status >= 500 else "rate_limit"


def _is_about_credit(answer: ErrorAnswer) -> bool:
    """Endpoints tell of an empty account with 402, and with 400, 403 and 429 as well."""
    if answer.status >= 500:
        return False
    return answer.status == 402 or bool(answer.codes & _QUOTA_CODES or _QUOTA_WORDS.search(answer.said))


def _lasting_kind(answer: ErrorAnswer) -> FailureKind:
    if _is_about_credit(answer):
        return "quota"
    return "auth" if answer.status in (401, 403) else "rejected"


def _fix(answer: ErrorAnswer, profile: Profile, *, has_key: bool) -> str:
    section = f"[profiles.{profile.name}]"
    if _is_about_credit(answer):
        return f"add credit to that account, or choose another model in {section}"
    if answer.status in (401, 403) and not has_key:
        if profile.key_env:
            return f"put a key into {profile.key_env}, which is not set where this was asked"
        return f"name the environment variable that holds the key as key_env in {section}, and set it"
    if answer.status == 401:
        return f"put a valid key into {profile.key_env or 'the environment variable named by key_env'}"
    if answer.status == 403:
        return f"give that key access to the model, or choose another model in {section}"
    if 300 <= answer.status < 400:
        return f"set base_url in {section} to where it redirects: {answer.headers.get('location', 'unknown')}"
    if answer.status in (400, 422) and profile.parameters:
        return f"correct model, or what stands under parameters, in {section}"
    return f"correct base_url and model in {section}"
