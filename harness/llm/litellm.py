"""Models that only LiteLLM reaches: an extra, loaded when a profile names it and asks, and kept off the network.

What it is not asked for, LiteLLM does as well: it looks up prices, headers and news, and reads a `.env` of whatever
folder it is in. All of that is switched off before it is loaded.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from types import ModuleType
from typing import Any

from harness.domain.cause import profile_cause
from harness.domain.errors import LimitReached, OwnerError
from harness.domain.message import ModelReply, ModelRequest
from harness.domain.settings import Profile
from harness.llm.attempts import Attempts
from harness.llm.completions import read_answer, request_body, usage_in
from harness.llm.context import refuse_what_cannot_fit
from harness.llm.endpoint import SETTINGS_FILE, Endpoint, endpoint_of
from harness.llm.failures import ErrorAnswer, Filtered, Retry, codes_in, judge_answer, shown_words
from harness.llm.wire import MalformedReply, WireAnswer

OFFLINE: Mapping[str, str] = {
    "LITELLM_MODE": "PRODUCTION",  # else it reads .env files into the environment
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""What the environment must say when it is loaded."""

_SWITCHES: Mapping[str, Any] = {
    "telemetry": False,
    "suppress_debug_info": True,
    "turn_off_message_logging": True,
    "drop_params": False,  # what a person wrote is sent, or refused; never left out in silence
    "num_retries": 0,
    "disable_aiohttp_transport": True,
}
_UNUSABLE = re.compile(r"1\.82\.[78]|1\.106\..*")
_UNKNOWN_STATUS = 500


def offline_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with every look-up that nobody asked for switched off."""
    return {**environ, **OFFLINE}


def check_litellm(profile: Profile, version_of: Callable[[str], str] = importlib.metadata.version) -> None:
    """Raise OwnerError, with the command that helps, if LiteLLM is not there or is a release that must not be used."""
    try:
        version = version_of("litellm")
    except importlib.metadata.PackageNotFoundError:
        raise _missing(profile, "is not installed", "install it") from None
    if _UNUSABLE.fullmatch(version):
        raise _missing(profile, f"is there in release {version}, which must not be used", "install another")


def load_litellm(environ: MutableMapping[str, str] = os.environ) -> ModuleType:
    """Return the library with its own look-ups switched off; importing it takes seconds, and 170 MB."""
    environ.update(OFFLINE)
    library = importlib.import_module("litellm")
    for name, value in _SWITCHES.items():
        setattr(library, name, value)
    return library


class LiteLLMModel:
    """A ChatModel that LiteLLM reaches; the profile's `model` is LiteLLM's name of it: `gemini/gemini-2.5-pro`.

    `load` returns the library; it is called in a thread, when the model is first asked. Otherwise as `HttpChatModel`.
    """

    is_language_model = True

    def __init__(
        self,
        profile: Profile,
        *,
        api_key: str | None,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
        load: Callable[[], ModuleType] = load_litellm,
    ) -> None:
        self._profile = profile
        self._endpoint = endpoint_of_litellm(profile)
        self._api_key = (api_key or "").strip() or None
        self._attempts = Attempts(profile, self._endpoint, sleep, jitter)
        self._load = load

    @property
    def label(self) -> str:
        """The model's name."""
        return self._profile.model

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the model's answer; tries and raises as `HttpChatModel`."""
        refuse_what_cannot_fit(self._profile, request)
        library = await asyncio.to_thread(self._load)
        return await self._attempts.reply(request, lambda: self._attempt(library, request))

    async def _attempt(self, library: ModuleType, request: ModelRequest) -> WireAnswer | Retry | Filtered:
        timeout_s = self._profile.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                response = await library.acompletion(**call_arguments(self._profile, request, self._api_key))
            payload = response.model_dump()
        except TimeoutError:
            return Retry(f"no answer within {timeout_s:g} s", "network")
        except (library.exceptions.openai.OpenAIError, ValueError) as error:  # all of its own errors are OpenAI's
            return self._judged(error)
        try:
            return read_answer(payload, self._profile, request)
        except (MalformedReply, RecursionError) as malformed:
            return Retry("malformed body", "malformed", str(malformed), paid=usage_in(payload))

    def _judged(self, error: Exception) -> Retry | Filtered:
        said = shown_words(self._redacted(str(getattr(error, "message", "") or error)))
        kinds = {type(each).__name__ for each in _chain(error)}
        if "ContextWindowExceededError" in kinds:
            raise LimitReached("context", f"{self._profile.model}: {said}")
        if "ContentPolicyViolationError" in kinds:
            return Filtered(said)
        if kinds & {"Timeout", "APITimeoutError"}:
            return Retry(f"no answer within {self._profile.timeout_s:g} s", "network")
        if "APIConnectionError" in kinds:
            return Retry("no connection", "network", said)
        if kinds & {"JSONSchemaValidationError", "APIResponseValidationError"}:
            return Retry("malformed body", "malformed", said)
        answer = ErrorAnswer(_status(error), said, _codes(error), _headers(error, self._redacted))
        return judge_answer(answer, self._profile, self._endpoint, has_key=self._api_key is not None)

    def _redacted(self, text: str) -> str:
        return text.replace(self._api_key, "[key]") if self._api_key else text


def call_arguments(profile: Profile, request: ModelRequest, api_key: str | None) -> dict[str, Any]:
    """Return what LiteLLM is called with: a body of chat completions, and where to send it."""
    arguments = {**request_body(profile, request), "timeout": profile.timeout_s, "num_retries": 0, "max_retries": 0}
    if profile.base_url:
        arguments["api_base"] = profile.base_url
    if api_key is not None:
        arguments["api_key"] = api_key
    return arguments


def endpoint_of_litellm(profile: Profile) -> Endpoint:
    """Return where the model answers, as far as the profile says it: the rest is LiteLLM's to know."""
    if profile.base_url:
        return endpoint_of(profile)
    provider = profile.model.partition("/")[0] or "litellm"
    return Endpoint(url="", shown=f"{provider}, through LiteLLM", name=provider, is_loopback=False)


def _missing(profile: Profile, state: str, fix: str) -> OwnerError:
    return OwnerError(
        SETTINGS_FILE,
        None,
        f"profile {profile.name!r} asks its model through LiteLLM, which {state}",
        f"{fix}: pip install 'agent-team-harness[litellm]'",
        cause=profile_cause(profile.name),
        failure="rejected",
    )


def _status(error: Exception) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else _UNKNOWN_STATUS


def _codes(error: Exception) -> frozenset[str]:
    """Return the machine-readable names in the answer; the library leaves them at the error behind its own."""
    found: set[Any] = set()
    for each in _chain(error):
        body = getattr(each, "body", None)
        found |= codes_in(body if isinstance(body, dict) and "error" in body else {"error": body})
        found |= {getattr(each, "code", None)}
    return frozenset(str(code) for code in found if code)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _headers(error: Exception, redacted: Callable[[str], str]) -> dict[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    return {str(name).lower(): redacted(str(value)) for name, value in headers.items()}
