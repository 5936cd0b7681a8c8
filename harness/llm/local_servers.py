"""Model servers on this machine: which answer, and what they have. Standard library only, and soon done."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

A = TypeVar("A")
B = TypeVar("B")

ANSWER_S = 1.0
"""How long a server on the same machine may take to list its models."""

_MAX_BYTES = 2_000_000
_OLLAMA_HOST = "OLLAMA_HOST"
_ON_ALL_ADDRESSES = ("", "0.0.0.0", "::", "localhost", "127.0.0.1", "::1")  # noqa: S104 - compared with, not listened on
_NO_CHAT = re.compile(r"embed|rerank|whisper|\bbge\b|tts|clip", re.IGNORECASE)
_BY_OWNER = {"llamacpp": "llama.cpp", "vllm": "vLLM"}


@dataclass(frozen=True, slots=True)
class UsualPlace:
    """Where a kind of server listens if nobody says otherwise."""

    server: str
    port: int


USUAL_PLACES = (
    UsualPlace("Ollama", 11434),
    UsualPlace("vLLM", 8000),
    UsualPlace("LM Studio", 1234),
    UsualPlace("llama.cpp", 8080),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server says of its models. `status` is None where nothing answered that speaks HTTP, with the `problem`.

    `models` are their names, None where it does not list any; `windows` the context of each that it tells, in tokens.
    With `takes_any_name` it answers whatever model is asked for.
    """

    status: int | None
    models: tuple[str, ...] | None = None
    windows: Mapping[str, int] | None = None
    owner: str = ""
    problem: str = ""

    @property
    def takes_any_name(self) -> bool:
        return self.owner == "llamacpp"

    def has(self, model: str) -> bool:
        """Say whether it would answer for the model, as far as it tells; Ollama leaves `:latest` out."""
        if self.models is None or self.takes_any_name:
            return True
        return model in self.models or f"{model}:latest" in self.models

    @property
    def chat_models(self) -> tuple[str, ...]:
        """The models that can be talked to, as far as their names tell."""
        return tuple(model for model in self.models or () if not _NO_CHAT.search(model))


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that answers on this machine."""

    name: str
    base_url: str
    listing: Listing


def usual_places(environ: Mapping[str, str]) -> tuple[UsualPlace, ...]:
    """Return where to look: the usual ports, and where OLLAMA_HOST says that Ollama listens on this machine."""
    said = environ.get(_OLLAMA_HOST, "").strip()
    try:
        parts = urlsplit(said if "://" in said else f"http://{said}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return USUAL_PLACES
    if port is None or host not in _ON_ALL_ADDRESSES:
        return USUAL_PLACES
    return (UsualPlace("Ollama", port), *USUAL_PLACES[1:])


def look_for(places: Sequence[UsualPlace], *, within_s: float = ANSWER_S) -> tuple[LocalServer, ...]:
    """Return the servers of these places that answer and have a model to talk to."""

    def look(place: UsualPlace) -> LocalServer | None:
        base_url = f"http://127.0.0.1:{place.port}/v1"
        listing = list_models(base_url, within_s=within_s)
        name = _BY_OWNER.get(listing.owner, place.server)
        return LocalServer(name, base_url, listing) if listing.chat_models else None

    found = at_once(look, places, within_s=2 * within_s)
    return tuple(server for server in found if server is not None)


def list_models(base_url: str, *, api_key: str | None = None, within_s: float = ANSWER_S) -> Listing:
    """Return what the server below the base URL says of its models; nothing is raised that it may do."""
    parts = urlsplit(base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=within_s)
    headers = {"accept": "application/json", **({"authorization": f"Bearer {api_key}"} if api_key else {})}
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/models", headers=headers)
        response = connection.getresponse()
        status, body = response.status, response.read(_MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        return Listing(None, problem=str(error) or type(error).__name__)
    finally:
        connection.close()
    return _listing(status, body)


def at_once(work: Callable[[A], B], subjects: Sequence[A], *, within_s: float) -> list[B | None]:
    """Do the work for all subjects side by side; None for each that is not done in time.

    Threads of their own, which nobody waits for: a server that drips its answer holds up nothing.
    """
    done: list[B | None] = [None] * len(subjects)

    def run(position: int, subject: A) -> None:
        done[position] = work(subject)

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(subjects)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within_s)
    return list(done)


def profile_toml(server: LocalServer, taken: Iterable[str]) -> str:
    """Return the lines of harness.toml that make the server's first model a profile of a name that is not taken."""
    name = stem = re.sub(r"[^a-z0-9]+", "-", server.name.lower())
    names, number = set(taken), 2
    while name in names:
        name, number = f"{stem}-{number}", number + 1
    model = server.listing.chat_models[0]
    window = (server.listing.windows or {}).get(model)
    lines = [
        f"[profiles.{name}]",
        'adapter = "openai"',
        f'base_url = "{server.base_url}"',
        f"model = {json.dumps(model, ensure_ascii=False)}",
        f"context_window = {window}" if window else "context_window = 32768   # as the server was started with",
        'timeout = "300s"',
    ]
    return "\n".join(lines)


def _listing(status: int, body: bytes) -> Listing:
    entries = _entries(body) if status == 200 else None
    if entries is None:
        return Listing(status)
    windows = {entry["id"]: entry["max_model_len"] for entry in entries if _is_window(entry.get("max_model_len"))}
    owner = str(entries[0].get("owned_by", "")) if entries else ""
    return Listing(status, tuple(entry["id"] for entry in entries), windows, owner)


def _entries(body: bytes) -> list[dict[str, Any]] | None:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None  # something else listens there
    listed = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(listed, list):
        return None
    return [entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def _is_window(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1000
