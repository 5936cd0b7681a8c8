"""Where digests go, as the person declared it under `[channels]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.domain.schedule import QuietHours

ChannelKind = Literal["file", "stdout", "webhook", "email", "ntfy"]
MailSecurity = Literal["starttls", "tls", "none"]
NtfyPriority = Literal["min", "low", "default", "high", "max"]

DEFAULT_MAX_CHARS: Mapping[ChannelKind, int | None] = {
    "file": None,
    "stdout": None,
    "webhook": None,
    "email": None,
    "ntfy": 3_900,
}
"""Above how many characters a text is split, by kind; None: never. An ntfy server turns longer messages into files."""

INTERRUPTING: frozenset[ChannelKind] = frozenset({"email", "ntfy"})
"""Kinds that reach for the person's attention: the team's quiet hours hold them back."""

HELD_BACK = "quiet hours until "
"""With this begins what is written down of a delivery that waits for the end of the quiet hours."""

NEVER_QUIET = QuietHours(0, 0)
"""Hours that never hold."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that takes JSON by POST. `url_env` names the variable that holds it where it is a secret itself;
    `key_env` the one with the key by which each body is signed."""

    url: str = ""
    url_env: str | None = None
    key_env: str | None = None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mail server, by which name it is logged in to, and who writes to whom. `password_env` names a variable."""

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int = 587
    security: MailSecurity = "starttls"
    username: str | None = None
    password_env: str | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """An ntfy topic: its address (or the variable that holds it), and how its messages show on a phone.

    `token_env` names the variable with the access token; `click` is what a tap opens.
    """

    url: str = ""
    url_env: str | None = None
    token_env: str | None = None
    priority: NtfyPriority = "default"
    tags: tuple[str, ...] = ()
    click: str | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """Where digests go: `file` writes below `folder` (in the state folder unless absolute), `stdout` prints, the others
    send to their `target`.

    A text of more than `max_chars` is split at its blocks; None means never. `quiet_hours` None means as the kind has
    it: the team's for kinds that interrupt. What the channel delivered within `unseen_for_s` seconds it is not given
    again. One exchange takes at most `timeout_s` seconds.
    """

    name: str
    kind: ChannelKind
    folder: str = "digests"
    target: Webhook | Mailbox | Topic | None = None
    max_chars: int | None = None
    quiet_hours: QuietHours | None = None
    unseen_for_s: int | None = None
    timeout_s: float = 30.0

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment variables whose values nobody may read."""
        match self.target:
            case Webhook():
                names = (self.target.url_env, self.target.key_env)
            case Mailbox():
                names = (self.target.password_env, None)
            case Topic():
                names = (self.target.url_env, self.target.token_env)
            case None:
                names = (None, None)
        return tuple(name for name in names if name)
