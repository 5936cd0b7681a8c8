"""Taking secrets out of text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gate.redact import REDACTED, redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("OPENAI_API_KEY=abcdef123456", "abcdef123456"),
        ("export DB_PASSWORD='hunter2-hunter2'", "hunter2-hunter2"),
        ("MY_TOKEN: qwertyuiop", "qwertyuiop"),
        ("Authorization: Bearer abc123def456ghi7", "abc123def456ghi7"),
        ("authorization: basic dXNlcjpwYXNzd29yZDE=", "dXNlcjpwYXNzd29yZDE="),
        ('{"api_key": "zxcvbnm12345"}', "zxcvbnm12345"),
        ('"{\\"api_key\\": \\"zxcvbnm12345\\"}"', "zxcvbnm12345"),
        ("x-api-key: zxcvbnm12345", "zxcvbnm12345"),
        ("https://host/path?access_token=zxcvbnm12345&x=1", "zxcvbnm12345"),
        ("postgres://user:pa55word@host/db", "pa55word"),
        ("sk-proj-abcdefghijklmnop1234", "sk-proj-abcdefghijklmnop1234"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
        ("AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF_123", "eyJzdWIiOiIxMjM0In0"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "MIIE"),
    ],
)
def test_what_is_shaped_like_a_secret_is_redacted(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert REDACTED in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=4096 and MAX_TOKENS=4096",
        "The key: a monkey typed the password quickly.",
        "basic understanding of token buckets",
        "https://example.org/a:b@c/monkeys",
        "A Bearer of bad news: nothing happened",
        "risk-taking is not a sk- key",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


def test_what_surrounds_a_secret_stays_so_that_a_reader_sees_what_stood_there() -> None:
    assert redact("a OPENAI_API_KEY=abcdef123456 b") == f"a OPENAI_API_KEY={REDACTED} b"
    assert redact("postgres://user:pa55word@host/db") == f"postgres://user:{REDACTED}@host/db"


def test_given_values_are_redacted_wherever_they_stand_the_longest_first() -> None:
    assert redact("xhunterx hunter2222", ("hunter", "hunter2222")) == f"x{REDACTED}x {REDACTED}"


def test_a_given_value_is_also_found_as_it_stands_inside_json() -> None:
    secret = 'quo"te\nline'
    assert "quo" not in redact(json.dumps({"x": secret}), (secret,))


KEY = "sk-live-0123456789abcdefghij"


@pytest.mark.parametrize("cut", range(1, len(KEY) - 11))
def test_the_edge_of_a_page_lets_no_part_of_a_secret_through(cut: int) -> None:
    text = f"the key is {KEY} and no other one"
    at = text.index(KEY) + cut
    first, second = redact(f"header\n{text[:at]}\nfooter", [KEY]), redact(f"header\n{text[at:]}", [KEY])
    assert second == f"header\n{REDACTED} and no other one"
    assert KEY[:cut] not in first or cut < 12


def test_a_short_part_of_a_secret_is_an_ordinary_word() -> None:
    assert redact("abcdefghi\nworks", ["work-password-1234"]) == "abcdefghi\nworks"


def test_an_empty_secret_blanks_nothing_out() -> None:
    assert redact("plain", ("", "a")) == "plain"


@given(st.text(), st.lists(st.text(min_size=4, max_size=12), max_size=3))
def test_redacting_twice_changes_nothing_more(text: str, secrets: list[str]) -> None:
    secrets = [secret for secret in secrets if secret not in REDACTED]
    once = redact(f"{text} API_KEY={text}", secrets)
    assert redact(once, secrets) == once
