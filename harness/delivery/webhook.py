"""The webhook channel: JSON by POST, signed, with an idempotency key."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import partial
from urllib.parse import quote, urlsplit

from harness.delivery.answers import post
from harness.delivery.channels import OutboundDigest, Receipt
from harness.delivery.digest import digest_to_json
from harness.delivery.markdown import render_markdown
from harness.delivery.parts import part_key, send_all
from harness.delivery.secrets import address_of, secret_in
from harness.delivery.splitting import Split, split_markdown
from harness.domain.channel import Channel, Webhook
from harness.ports import Outlet

SIGNATURE_HEADER = "X-Harness-Signature"
KEY_HEADER = "Idempotency-Key"
FORMAT = 1


class WebhookChannel:
    """Posts the digest as JSON, in one body or in parts.

    At least once: after a crash between the server's answer and our record of it, the same body comes again with the
    same key, byte by byte, by which the receiver knows it.
    """

    def __init__(self, channel: Channel, target: Webhook, outlet: Outlet, environ: Mapping[str, str]) -> None:
        self._channel = channel
        self._target = target
        self._outlet = outlet
        self._environ = environ

    @property
    def name(self) -> str:
        return self._channel.name

    @property
    def is_interrupting(self) -> bool:
        return False

    def deliver(self, message: OutboundDigest) -> Receipt:
        """Post what the server has not taken yet, and return the receipt; see `Channel.deliver`."""
        url = address_of(self._target.url, self._target.url_env, self._environ, self.name)
        key = secret_in(self._environ, self._target.key_env, self.name) if self._target.key_env else None
        text = render_markdown(message.digest)
        split = split_markdown(text, self._channel.max_chars)
        bodies = [_body(message, self.name, split, number) for number in range(1, len(split.parts) + 1)]
        steps = [
            partial(self._post, url, key, body, part_key(message.key, number, len(bodies)))
            for number, body in enumerate(bodies, start=1)
        ]
        send_all(message, split.parts, steps)
        count = f"{len(bodies)} parts " if len(bodies) > 1 else ""
        location = f"posted {count}to {urlsplit(url).hostname}"
        return Receipt(message.key, self.name, location, hashlib.sha256(text.encode()).hexdigest())

    def _post(self, url: str, key: str | None, body: bytes, idempotency_key: str) -> None:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            KEY_HEADER: quote(idempotency_key, safe=":/>~.,@#"),
            **({SIGNATURE_HEADER: signature_of(body, key)} if key is not None else {}),
        }
        post(self._outlet, self.name, url, body, headers=headers, timeout_s=self._channel.timeout_s)


def signature_of(body: bytes, key: str) -> str:
    """Return what a receiver with the same key computes of the body: `sha256=<hex of the HMAC-SHA256>`."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _body(message: OutboundDigest, channel: str, split: Split, number: int) -> bytes:
    """The JSON of one part; the first one has the digest as data, and the blocks that are files."""
    first = {
        "digest": digest_to_json(message.digest),
        "files": [{"name": file.name, "text": file.text} for file in split.files],
    }
    document = {
        "format": FORMAT,
        "key": message.key,
        "channel": channel,
        "part": number,
        "parts": len(split.parts),
        "title": message.digest.title,
        "text": split.parts[number - 1],
        **(first if number == 1 else {}),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
