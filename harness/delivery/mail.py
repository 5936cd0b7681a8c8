"""The email channel: the digest as text and as HTML, in one mail or several."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial

from harness.delivery.answers import must_act
from harness.delivery.channels import OutboundDigest, Receipt
from harness.delivery.html import render_mail
from harness.delivery.markdown import render_markdown
from harness.delivery.parts import part_key, part_title, send_all
from harness.delivery.secrets import secret_in
from harness.delivery.smtp import MailDoor
from harness.delivery.splitting import Split, split_markdown
from harness.domain.channel import Channel, Mailbox
from harness.domain.errors import Refused, TransientError
from harness.ports import Outlet

KEY_HEADER = "X-Harness-Delivery"


class MailChannel:
    """Sends the digest over SMTP; blocks that are longer than a mail may be are attached.

    At least once: the same delivery has the same Message-ID, by which mail programs know a repetition. `tls` is what
    servers are verified by; None means by this machine's trust store.
    """

    def __init__(
        self,
        channel: Channel,
        target: Mailbox,
        outlet: Outlet,
        environ: Mapping[str, str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._channel = channel
        self._target = target
        self._outlet = outlet
        self._environ = environ
        self._tls = tls

    @property
    def name(self) -> str:
        return self._channel.name

    @property
    def is_interrupting(self) -> bool:
        return True

    def deliver(self, message: OutboundDigest) -> Receipt:
        """Send what the server has not taken yet, and return the receipt; see `Channel.deliver`."""
        door = self._door()
        text = render_markdown(message.digest)
        split = split_markdown(text, self._channel.max_chars)
        mails = [mail_of(message, split, number, self._target) for number in range(1, len(split.parts) + 1)]
        send_all(message, split.parts, [partial(door.send, mail) for mail in mails])
        recipients = ", ".join(self._target.recipients)
        location = f"{len(mails)} mails to {recipients}" if len(mails) > 1 else f"a mail to {recipients}"
        return Receipt(message.key, self.name, location, hashlib.sha256(text.encode()).hexdigest())

    def _door(self) -> MailDoor:
        mailbox = self._target
        password = secret_in(self._environ, mailbox.password_env, self.name) if mailbox.password_env else None
        try:
            addresses = asyncio.run(self._addresses())
        except TimeoutError as error:
            problem = f"the name {mailbox.host} was not resolved within {self._channel.timeout_s:g} s"
            raise TransientError(f"channel {self.name}: {problem}") from error
        except Refused as error:
            problem = f"{mailbox.host} may not be reached: {error.reason}"
            raise must_act(self.name, problem, "correct the host, or grant it under [egress]") from error
        tls = self._tls or ssl.create_default_context()
        return MailDoor(self.name, mailbox, addresses, password, tls, self._channel.timeout_s)

    async def _addresses(self) -> list[tuple[str, int]]:
        async with asyncio.timeout(self._channel.timeout_s):
            return await self._outlet.addresses(self._target.host, self._target.port)


def mail_of(message: OutboundDigest, split: Split, number: int, mailbox: Mailbox) -> EmailMessage:
    """Return one mail of the delivery, the same bytes for every try: text, and HTML where it is all in one mail."""
    digest, count = message.digest, len(split.parts)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(mailbox.sender, "Agent team")
    mail["To"] = [_address(recipient) for recipient in mailbox.recipients]
    mail["Subject"] = " ".join(part_title(digest.title, number, count).split())
    mail["Date"] = format_datetime(digest.made_at)
    mail["Message-ID"] = message_id(part_key(message.key, number, count), mailbox.sender)
    mail["Auto-Submitted"] = "auto-generated"
    mail[KEY_HEADER] = part_key(message.key, number, count)
    mail.set_content(split.parts[number - 1], cte="quoted-printable")
    if count == 1:
        mail.add_alternative(render_mail(digest), subtype="html", cte="quoted-printable")
    for file in split.files if number == count else ():
        mail.add_attachment(file.text, subtype="markdown", filename=file.name, cte="quoted-printable")
    _number_boundaries(mail, part_key(message.key, number, count))
    return mail


def message_id(key: str, sender: str) -> str:
    """Return the id that every try of the same delivery has."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"


def _address(address: str, display: str = "") -> Address:
    return Address(display, addr_spec=address)


def _number_boundaries(mail: EmailMessage, key: str) -> None:
    """Give the parts of a multipart fixed boundaries: the library draws them by lot."""
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=={hashlib.sha256(f'{number} {key}'.encode()).hexdigest()[:32]}==")
