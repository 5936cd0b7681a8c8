"""Where a profile's model answers."""

import pytest

from harness.domain.errors import OwnerError
from harness.domain.settings import Profile
from harness.llm.endpoint import endpoint_of


def profile(base_url: str, model: str = "m") -> Profile:
    return Profile("cheap", "openai", model=model, base_url=base_url)


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1/chat/completions"),
        ("https://api.example.com/v1/", "https://api.example.com/v1/chat/completions"),
        ("https://api.example.com/v1/chat/completions", "https://api.example.com/v1/chat/completions"),
        ("https://a.example.com/d?api-version=1", "https://a.example.com/d/chat/completions?api-version=1"),
        ("http://[::1]:8080", "http://[::1]:8080/chat/completions"),
    ],
)
def test_the_path_is_appended_once_and_the_query_kept(base_url: str, url: str) -> None:
    assert endpoint_of(profile(base_url)).url == url


def test_what_is_shown_has_neither_password_nor_query() -> None:
    assert endpoint_of(profile("https://u:secret@h.example:8443/v1?key=secret")).shown == "https://h.example:8443/v1"
    assert endpoint_of(profile("http://[::1]:8080/v1")).shown == "http://[::1]:8080/v1"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", "llm.localhost"])
def test_this_machine_is_known_as_such(host: str) -> None:
    assert endpoint_of(profile(f"http://{host}:11434/v1")).is_loopback


@pytest.mark.parametrize("host", ["192.168.1.4", "localhost.example.com", "127.0.0.1.example.com"])
def test_other_machines_are_not_taken_for_this_one(host: str) -> None:
    assert not endpoint_of(profile(f"http://{host}:11434/v1")).is_loopback


@pytest.mark.parametrize(
    "base_url", ["", "api.example.com/v1", "ftp://x/v1", "http://", "http://[bad", "http://h:99999"]
)
def test_an_address_that_cannot_be_one_is_the_owners_to_fix(base_url: str) -> None:
    with pytest.raises(OwnerError, match=r"^harness\.toml: profile 'cheap'.*base_url") as caught:
        endpoint_of(profile(base_url))
    assert "[profiles.cheap]" in caught.value.fix


def test_a_profile_without_a_model_is_the_owners_to_fix() -> None:
    with pytest.raises(OwnerError, match="has no model; set model in"):
        endpoint_of(profile("https://api.example.com/v1", model=""))


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://u:secret@api.example.com/v1", "api.example.com:443"),
        ("http://api.example.com/v1", "api.example.com:80"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
        ("http://[::1]/v1", "[::1]:80"),
    ],
)
def test_what_stands_and_falls_together_is_named_by_host_and_port(base_url: str, name: str) -> None:
    assert endpoint_of(profile(base_url)).name == name


@pytest.mark.parametrize(
    ("base_url", "url", "shown"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1"),
        ("https://h/anthropic", "https://h/anthropic/v1/messages", "https://h/anthropic/v1"),
        ("https://h/own/messages?a=b", "https://h/own/messages?a=b", "https://h/own"),
    ],
)
def test_the_address_of_messages_is_found_wherever_the_base_ends(base_url: str, url: str, shown: str) -> None:
    endpoint = endpoint_of(Profile("claude", "anthropic", model="m", base_url=base_url))
    assert (endpoint.url, endpoint.shown) == (url, shown)
