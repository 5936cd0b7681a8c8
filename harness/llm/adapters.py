"""From a profile to the model behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.domain.cause import profile_cause
from harness.domain.errors import OwnerError
from harness.domain.settings import Profile
from harness.llm.connections import Connections
from harness.llm.endpoint import SETTINGS_FILE, Endpoint, endpoint_of
from harness.llm.extractive import ExtractiveModel
from harness.ports import ChatModel


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What adapters work with.

    `environ` holds the keys, `root` is the workspace, `sleep` waits between attempts, `jitter` returns a number in
    [0, 1). `connections` are kept from call to call; without them every call makes its own.
    """

    environ: Mapping[str, str]
    root: Path
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]
    connections: Connections | None = None


def open_model(profile: Profile, context: AdapterContext) -> ChatModel:
    """Return the model of the profile; nothing is asked yet.

    Raises OwnerError, with file and fix, if the profile lacks what its adapter needs, or if the environment variable
    of its key is not set.
    """
    match profile.adapter:
        case "extractive":
            return ExtractiveModel()
        case "openai":
            api_key = _api_key(profile, context.environ, endpoint_of(profile))
            # httpx2 costs 60 ms to import: only a run that asks a language model pays for it.
            from harness.llm.openai import OpenAIModel

            return OpenAIModel(
                profile,
                api_key=api_key,
                sleep=context.sleep,
                jitter=context.jitter,
                connections=context.connections,
            )
        case "anthropic":
            api_key = _api_key(profile, context.environ, endpoint_of(profile))
            from harness.llm.anthropic import AnthropicModel

            return AnthropicModel(
                profile,
                api_key=api_key,
                sleep=context.sleep,
                jitter=context.jitter,
                connections=context.connections,
            )
        case "litellm":
            from harness.llm.litellm import LiteLLMModel, check_litellm, endpoint_of_litellm

            check_litellm(profile)
            api_key = _api_key(profile, context.environ, endpoint_of_litellm(profile))
            return LiteLLMModel(profile, api_key=api_key, sleep=context.sleep, jitter=context.jitter)
        case "scripted":
            from harness.llm.scripted import ScriptedFileModel

            return ScriptedFileModel(profile, context.root)
        case _:
            raise OwnerError(
                SETTINGS_FILE,
                None,
                f"profile {profile.name!r}: this version has no adapter {profile.adapter!r}",
                "choose another adapter",
                cause=profile_cause(profile.name),
                failure="rejected",
            )


def endpoint_asked(profile: Profile) -> Endpoint | None:
    """Return where the profile's model answers; None for what asks nobody. Raises OwnerError as `open_model`."""
    match profile.adapter:
        case "openai" | "anthropic":
            return endpoint_of(profile)
        case "litellm":
            from harness.llm.litellm import endpoint_of_litellm

            return endpoint_of_litellm(profile)
        case _:
            return None


def _api_key(profile: Profile, environ: Mapping[str, str], endpoint: Endpoint) -> str | None:
    """Return the key; a model on this machine does without one."""
    if profile.key_env is None:
        return None
    api_key = environ.get(profile.key_env, "").strip()
    if api_key or endpoint.is_loopback:
        return api_key or None
    raise OwnerError(
        SETTINGS_FILE,
        None,
        f"profile {profile.name!r} needs a key and the environment variable {profile.key_env} is not set",
        f"export {profile.key_env}=…, or choose another profile",
        cause=profile_cause(profile.name),
        failure="auth",
    )
