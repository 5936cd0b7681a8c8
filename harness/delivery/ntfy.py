"""The ntfy channel: a message on a phone, in as many parts as its text needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.header import Header
from functools import partial
from urllib.parse import quote, urlsplit, urlunsplit

from harness.delivery.answers import must_act, post
from harness.delivery.channels import OutboundDigest, Receipt
from harness.delivery.markdown import render_below_title
from harness.delivery.parts import part_key, part_title, send_all
from harness.delivery.secrets import address_of, secret_in
from harness.delivery.splitting import Split, TextFile, split_markdown
from harness.domain.channel import Channel, NtfyPriority, Topic
from harness.gate.sanitise import in_short
from harness.ports import Outlet

_PRIORITIES: Mapping[NtfyPriority, int] = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5}
_TITLE_CHARS = 250
_QUIET = _PRIORITIES["low"]
"""Of a message in several parts only the first makes a sound."""


@dataclass(frozen=True, slots=True)
class _Address:
    """A topic of a server: where JSON goes, where files go, and the topic's name."""

    server: str
    topic_url: str
    topic: str
    host: str


class NtfyChannel:
    """Publishes the digest to a topic; blocks that are longer than a message may be go along as files.

    At least once: ntfy knows no idempotency key, so that after a crash between its answer and our record of it the
    same part comes again. Parts that were recorded do not.
    """

    def __init__(self, channel: Channel, target: Topic, outlet: Outlet, environ: Mapping[str, str]) -> None:
        self._channel = channel
        self._target = target
        self._outlet = outlet
        self._environ = environ

    @property
    def name(self) -> str:
        return self._channel.name

    @property
    def is_interrupting(self) -> bool:
        return True

    def deliver(self, message: OutboundDigest) -> Receipt:
        """Publish what the server has not taken yet, and return the receipt; see `Channel.deliver`."""
        address = self._address()
        text = render_below_title(message.digest)
        # The server counts bytes, and makes a file of what is longer.
        split = split_markdown(text, self._channel.max_chars, lambda part: len(part.encode()))
        steps = [*self._messages(message, split, address), *self._files(message, split, address)]
        send_all(message, [*split.parts, *(file.text for file in split.files)], steps)
        location = f"{len(steps)} messages to {address.host}" if len(steps) > 1 else f"a message to {address.host}"
        return Receipt(message.key, self.name, location, hashlib.sha256(text.encode()).hexdigest())

    def _address(self) -> _Address:
        url = urlsplit(address_of(self._target.url, self._target.url_env, self._environ, self.name))
        above, _, topic = url.path.rstrip("/").rpartition("/")
        if not url.hostname or not topic:
            raise must_act(self.name, "its address names no topic", "write it as https://ntfy.sh/your-topic")
        server = urlunsplit((url.scheme, url.netloc, f"{above}/", "", ""))
        return _Address(server, f"{server}{topic}", topic, url.hostname)

    def _messages(self, message: OutboundDigest, split: Split, address: _Address) -> list[Callable[[], None]]:
        count = len(split.parts)
        loudness = _PRIORITIES["max" if message.digest.is_emergency else self._target.priority]
        return [
            partial(
                self._post,
                address.server,
                _message_json(
                    topic=address.topic,
                    title=part_title(message.digest.title, number, count),
                    message=part.strip(),
                    priority=loudness if number == 1 else min(loudness, _QUIET),
                    tags=list(self._target.tags),
                    click=self._target.click,
                    markdown=True,
                ),
                {"Content-Type": "application/json", **_key(part_key(message.key, number, count))},
            )
            for number, part in enumerate(split.parts, start=1)
        ]

    def _files(self, message: OutboundDigest, split: Split, address: _Address) -> list[Callable[[], None]]:
        return [
            partial(
                self._post,
                address.topic_url,
                file.text.encode(),
                {**_file_headers(message, file), **_key(f"{message.key}#{file.name}")},
            )
            for file in split.files
        ]

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        token = self._target.token_env
        # What puts a secret into the environment often leaves a line break at its end.
        login = {"Authorization": f"Bearer {secret_in(self._environ, token, self.name).strip()}"} if token else {}
        post(self._outlet, self.name, url, body, headers={**headers, **login}, timeout_s=self._channel.timeout_s)


def _message_json(**values: object) -> bytes:
    return json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False).encode()


def _file_headers(message: OutboundDigest, file: TextFile) -> dict[str, str]:
    # On one line: where this class folds a header, none can carry it.
    name = in_short(message.digest.title, _TITLE_CHARS)
    title = Header(f"{name}: {file.name}", "utf-8", maxlinelen=10_000).encode()
    return {"Content-Type": "text/markdown; charset=utf-8", "Filename": file.name, "Title": title, "Priority": "low"}


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": quote(key, safe=":/>~.,@#")}
