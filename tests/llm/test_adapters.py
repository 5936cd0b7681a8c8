"""From a profile to the model behind it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.domain.settings import Profile
from harness.llm.adapters import AdapterContext, endpoint_asked, open_model
from harness.ports import ChatModel

REMOTE = "https://api.example.com/v1"


async def no_wait(seconds: float) -> None:
    """Wait for nothing."""


def opened(profile: Profile, **environ: str) -> ChatModel:
    variables: Mapping[str, str] = environ
    return open_model(profile, AdapterContext(variables, Path(), no_wait, lambda: 0.0))


def openai(base_url: str = REMOTE, key_env: str | None = None) -> Profile:
    return Profile("cheap", "openai", model="m", base_url=base_url, key_env=key_env)


def test_the_extractive_adapter_is_no_language_model() -> None:
    model = opened(Profile("embedded", "extractive"))
    assert (model.label, model.is_language_model) == ("extractive, no model", False)


def test_a_key_that_is_not_set_is_named_with_its_variable() -> None:
    keyed = openai(key_env="TEAM_KEY")
    with pytest.raises(OwnerError, match=r"^harness\.toml: profile 'cheap' .* TEAM_KEY is not set; export TEAM_KEY="):
        opened(keyed)
    with pytest.raises(OwnerError) as caught:
        opened(keyed, TEAM_KEY=" \n")
    assert caught.value.failure == "auth"


def test_a_key_that_is_set_is_enough() -> None:
    assert opened(openai(key_env="TEAM_KEY"), TEAM_KEY="sk-1").is_language_model


def test_a_model_on_this_machine_needs_no_key() -> None:
    assert opened(openai("http://localhost:11434/v1", "TEAM_KEY")).is_language_model


def test_a_profile_without_an_address_is_the_owners_to_fix() -> None:
    with pytest.raises(OwnerError, match=r"^harness\.toml: profile 'cheap' has no base_url"):
        opened(openai(""))


def test_where_a_model_is_asked_is_known_by_one_name_for_each_adapter() -> None:
    def name(profile: Profile) -> str | None:
        endpoint = endpoint_asked(profile)
        return None if endpoint is None else endpoint.name

    assert name(openai()) == "api.example.com:443"
    assert name(Profile("x", "anthropic", model="m", base_url="http://127.0.0.1:8080")) == "127.0.0.1:8080"
    assert name(Profile("x", "litellm", model="gemini/m")) == "gemini"
    assert name(Profile("x", "litellm", model="openai/m", base_url="http://127.0.0.1:8080/v1")) == "127.0.0.1:8080"
    assert name(Profile("x", "extractive")) is None
    assert name(Profile("x", "scripted", script="answers.json")) is None
