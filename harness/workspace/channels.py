"""`[channels.NAME]` in harness.toml: where digests go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from harness.domain.channel import (
    DEFAULT_MAX_CHARS,
    NEVER_QUIET,
    Channel,
    ChannelKind,
    Mailbox,
    MailSecurity,
    NtfyPriority,
    Topic,
    Webhook,
)
from harness.domain.schedule import QuietHours
from harness.workspace.fields import NEVER, Address, Duration, Text, Texts, Variable
from harness.workspace.located import Located
from harness.workspace.quantities import BadValue, parse_quiet_hours
from harness.workspace.report import Report
from harness.workspace.shapes import Shape, as_list

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# What every mail server takes; a domain of other letters is written as DNS knows it.
_MAIL_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_SHORTEST_TEXT = 200
_PORTS: Mapping[MailSecurity, int] = {"starttls": 587, "tls": 465, "none": 25}
_COMMON = frozenset({"kind", "quiet_hours", "unseen_for"})
_SENDING = _COMMON | {"max_chars", "timeout"}
_KEYS: Mapping[ChannelKind, frozenset[str]] = {
    "file": _COMMON | {"folder"},
    "stdout": _COMMON,
    "webhook": _SENDING | {"url", "url_env", "key_env"},
    "email": _SENDING | {"host", "port", "security", "username", "password_env", "from", "to"},
    "ntfy": _SENDING | {"url", "url_env", "token_env", "priority", "tags", "click"},
}
_NEEDED: Mapping[ChannelKind, Mapping[str, str]] = {
    "file": {},
    "stdout": {},
    "webhook": {"url": '"https://example.com/hook", or url_env = "HOOK_URL" where the address is a secret'},
    "email": {"host": '"smtp.example.com"', "from": '"team@example.com"', "to": '"you@example.com"'},
    "ntfy": {"url": '"https://ntfy.sh/your-topic", or url_env = "NTFY_URL" where the topic is a secret'},
}


def _parse_quiet_hours(value: object) -> QuietHours:
    return NEVER_QUIET if value == NEVER else parse_quiet_hours(value)


def _check_mail_address(value: str) -> str:
    if not _MAIL_ADDRESS.fullmatch(value):
        how = 'write it as "you@example.com"' if value.isascii() else "write the domain as DNS has it (xn--…)"
        raise BadValue(f"{value!r} is not a mail address that every server takes", how)
    return value


MailAddress = Annotated[str, AfterValidator(_check_mail_address)]


class ChannelShape(Shape):
    kind: ChannelKind
    folder: Text = "digests"
    max_chars: Annotated[int, Field(ge=_SHORTEST_TEXT, le=1_000_000)] | None = None
    quiet_hours: Annotated[QuietHours, PlainValidator(_parse_quiet_hours)] | None = None
    unseen_for: Duration | None = None
    timeout: Annotated[Duration, Field(le=100)] = 30
    url: Address | None = None
    url_env: Variable | None = None
    key_env: Variable | None = None
    token_env: Variable | None = None
    priority: NtfyPriority = "default"
    tags: Texts = Field(default_factory=list)
    click: Address | None = None
    host: Text | None = None
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    security: MailSecurity = "starttls"
    username: Text | None = None
    password_env: Variable | None = None
    sender: MailAddress | None = Field(default=None, alias="from")
    to: Annotated[list[MailAddress], BeforeValidator(as_list)] = Field(default_factory=list)


def channels_of(shapes: Mapping[str, ChannelShape], located: Located, report: Report) -> dict[str, Channel]:
    """Return the channels by name; keys of another kind, and those that one lacks, are in the report."""
    return {name: _channel(name, shape, located, report) for name, shape in shapes.items()}


def _channel(name: str, shape: ChannelShape, located: Located, report: Report) -> Channel:
    _check_keys(name, shape, located, report)
    return Channel(
        name=name,
        kind=shape.kind,
        folder=shape.folder,
        target=_target(name, shape, located, report),
        max_chars=DEFAULT_MAX_CHARS[shape.kind] if shape.max_chars is None else shape.max_chars,
        quiet_hours=shape.quiet_hours,
        unseen_for_s=shape.unseen_for,
        timeout_s=float(shape.timeout),
    )


def _target(name: str, shape: ChannelShape, located: Located, report: Report) -> Webhook | Mailbox | Topic | None:
    match shape.kind:
        case "webhook":
            return Webhook(shape.url or "", shape.url_env, shape.key_env)
        case "ntfy":
            _check_topic(name, shape, located, report)
            tags = tuple(dict.fromkeys(shape.tags))
            return Topic(shape.url or "", shape.url_env, shape.token_env, shape.priority, tags, shape.click)
        case "email":
            _check_login(name, shape, located, report)
            return Mailbox(
                host=shape.host or "",
                sender=shape.sender or "",
                recipients=tuple(dict.fromkeys(shape.to)),
                port=shape.port or _PORTS[shape.security],
                security=shape.security,
                username=shape.username,
                password_env=shape.password_env,
            )
        case "file" | "stdout":
            return None


def _check_keys(name: str, shape: ChannelShape, located: Located, report: Report) -> None:
    written = _written(name, located)
    for key in sorted(written - _KEYS[shape.kind]):
        if any(key in keys for keys in _KEYS.values()):  # any other is unknown, and told already
            kinds = " and ".join(kind for kind, keys in _KEYS.items() if key in keys)
            problem = f"channels.{name}: {key} is for {kinds}, and this is a channel of kind {shape.kind}"
            report.error(located.line("channels", name, key), problem, "leave it out, or correct kind")
    for key, example in _NEEDED[shape.kind].items():
        if key not in written and not (key == "url" and "url_env" in written):
            problem = f"channels.{name}: a channel of kind {shape.kind} needs {key}"
            report.error(located.line("channels", name), problem, f"add {key} = {example}")
    if {"url", "url_env"} <= written:
        line = located.line("channels", name, "url_env")
        report.error(line, f"channels.{name}: url and url_env both say where it goes", "leave one of them out")


def _check_topic(name: str, shape: ChannelShape, located: Located, report: Report) -> None:
    if shape.url is not None and not urlsplit(shape.url).path.strip("/"):
        problem = f"channels.{name}: {shape.url} names a server and no topic"
        report.error(located.line("channels", name, "url"), problem, "add the topic: https://ntfy.sh/your-topic")


def _check_login(name: str, shape: ChannelShape, located: Located, report: Report) -> None:
    line = located.line("channels", name)
    if (shape.username is None) != (shape.password_env is None):
        lacks = "password_env" if shape.password_env is None else "username"
        problem = f"channels.{name}: a login needs username and password_env, and {lacks} is not there"
        report.error(line, problem, f"add {lacks}")
    if shape.security == "none" and shape.password_env is not None:
        problem = f'channels.{name}: with security = "none" the password would travel in the open'
        report.error(line, problem, 'write security = "starttls" or "tls"')


def _written(name: str, located: Located) -> set[str]:
    tables = located.values.get("channels")
    table = tables.get(name) if isinstance(tables, dict) else None
    return set(table) if isinstance(table, dict) else set()
