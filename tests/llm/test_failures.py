"""What an unsuccessful answer means, by its kind."""

from __future__ import annotations

import pytest

from harness.domain.errors import FailureKind, LimitReached, OwnerError
from harness.domain.settings import Profile
from harness.llm.endpoint import endpoint_of
from harness.llm.failures import ErrorAnswer, Filtered, Retry, given_up, judge_answer

PROFILE = Profile("cheap", "openai", model="small-1", base_url="https://api.example.com/v1")
ENDPOINT = endpoint_of(PROFILE)


def answer(status: int, *codes: str, said: str = "no") -> ErrorAnswer:
    return ErrorAnswer(status, said, frozenset(codes), {})


def kind_of(failed: ErrorAnswer) -> FailureKind | None:
    try:
        judged = judge_answer(failed, PROFILE, ENDPOINT, has_key=True)
    except (OwnerError, LimitReached) as error:
        return error.failure
    if isinstance(judged, Filtered):
        return "refused"
    raised = given_up([Retry("no connection", "network"), judged], PROFILE, ENDPOINT)
    assert raised.failure == judged.kind
    return raised.failure


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        (answer(429), "rate_limit"),
        (answer(425), "rate_limit"),
        (answer(500), "overload"),
        (answer(503), "overload"),
        (answer(529), "overload"),
        (answer(408), "network"),
        (answer(504), "network"),
        (answer(401), "auth"),
        (answer(403), "auth"),
        (answer(402), "quota"),
        (answer(429, "insufficient_quota"), "quota"),
        (answer(400, said="Your credit balance is too low to access the API."), "quota"),
        (answer(400, said="You have reached your specified API usage limits."), "quota"),
        (answer(403, "billing_error"), "quota"),
        (answer(500, said="spending limit service is down"), "overload"),
        (answer(429, said="This would exceed your organization's rate limit"), "rate_limit"),
        (answer(404), "rejected"),
        (answer(400), "rejected"),
        (answer(308), "rejected"),
        (answer(413), "context"),
        (answer(400, "context_length_exceeded"), "context"),
        (answer(400, said="prompt is too long: 213423 tokens > 200000 maximum"), "context"),
        (answer(400, said="input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"), "context"),
        (answer(400, "content_filter"), "refused"),
        (answer(400, said="Output blocked by content filtering policy"), "refused"),
    ],
)
def test_every_failure_has_the_name_of_its_kind(failed: ErrorAnswer, kind: FailureKind) -> None:
    assert kind_of(failed) == kind


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("network", "endpoint api.example.com:443"),
        ("overload", "endpoint api.example.com:443"),
        ("rate_limit", "rate limit api.example.com:443"),
        ("malformed", None),
    ],
)
def test_what_others_can_fail_for_too_is_the_cause(kind: FailureKind, cause: str | None) -> None:
    assert given_up([Retry("what happened", kind)], PROFILE, ENDPOINT).cause == cause
