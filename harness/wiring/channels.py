"""The channels of harness.toml, each opened by its kind."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TextIO

from harness.delivery.channels import Channel, FileChannel, StdoutChannel
from harness.delivery.mail import MailChannel
from harness.delivery.ntfy import NtfyChannel
from harness.delivery.webhook import WebhookChannel
from harness.domain.channel import Channel as Declared
from harness.domain.channel import Mailbox, Topic, Webhook
from harness.domain.settings import Settings
from harness.gate.egress import WebDoor
from harness.ports import Resolver
from harness.store.state_folder import StateFolder


def open_channels(
    state: StateFolder,
    out: TextIO,
    environ: Mapping[str, str],
    resolver: Resolver,
    settings: Settings,
    *,
    tls: ssl.SSLContext | None = None,
) -> Mapping[str, Channel]:
    """Return the channels by name.

    `out` is where those print that print; `environ` holds the secrets that they name. What leaves over the network goes
    through the door that the settings open; `tls` is what servers are verified by, None means this machine's trust
    store.
    """
    door = WebDoor(settings.egress, resolver, tls=tls)
    return {name: _opened(channel, state, out, environ, door, tls) for name, channel in settings.channels.items()}


def _opened(
    channel: Declared,
    state: StateFolder,
    out: TextIO,
    environ: Mapping[str, str],
    door: WebDoor,
    tls: ssl.SSLContext | None,
) -> Channel:
    match channel.target:
        case Webhook() as target:
            return WebhookChannel(channel, target, door, environ)
        case Mailbox() as target:
            return MailChannel(channel, target, door, environ, tls)
        case Topic() as target:
            return NtfyChannel(channel, target, door, environ)
        case None if channel.kind == "file":
            return FileChannel(channel.name, state.root / channel.folder)
        case None:
            return StdoutChannel(channel.name, out)
