"""The email channel against a real SMTP server on loopback that behaves, and that does not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from harness.delivery.channels import OutboundDigest
from harness.delivery.mail import MailChannel
from harness.delivery.markdown import render_markdown
from harness.delivery.splitting import read_blocks
from harness.domain.channel import Channel, Mailbox, MailSecurity
from harness.domain.errors import OwnerError, TransientError
from harness.domain.settings import Egress
from harness.gate.egress import WebDoor
from harness.testing.mail_server import MailServer, Manners
from harness.testing.web_server import HostTable
from tests.delivery.outward import CLOSED_DOOR, DIGEST, MESSAGE, make_certificate, serving, trusting

HOST = "smtp.test"
LOGIN = ("team", "a-password-of-the-person")
ENVIRON = {"MAIL_PASSWORD": LOGIN[1]}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), HOST)


@pytest.fixture
def server(certificate: Path) -> Iterator[MailServer]:
    with MailServer(tls=serving(certificate)) as running:
        running.manners = Manners(login=LOGIN)
        yield running


def channel_to(
    server: MailServer,
    tls: ssl.SSLContext,
    *,
    security: MailSecurity = "starttls",
    recipients: tuple[str, ...] = ("sam@home.example",),
    max_chars: int | None = None,
    timeout_s: float = 10.0,
    has_login: bool = True,
    environ: Mapping[str, str] = ENVIRON,
) -> MailChannel:
    login = (LOGIN[0], "MAIL_PASSWORD") if has_login else (None, None)
    mailbox = Mailbox(HOST, "team@home.example", recipients, server.port, security, *login)
    declared = Channel("mail", "email", target=mailbox, max_chars=max_chars, timeout_s=timeout_s)
    door = WebDoor(Egress(loopback=True), HostTable({HOST: ("127.0.0.1", 0)}))
    return MailChannel(declared, mailbox, door, environ, tls)


def body_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_text_and_html_arrive_encrypted_and_say_who_sent_them(server: MailServer, certificate: Path) -> None:
    receipt = channel_to(server, trusting(certificate)).deliver(MESSAGE)
    (taken,) = server.mails
    mail = taken.message
    assert taken.was_encrypted
    assert (taken.sender, taken.recipients) == ("team@home.example", ("sam@home.example",))
    assert (mail["Subject"], mail["Auto-Submitted"]) == (DIGEST.title, "auto-generated")
    assert body_of(mail, "plain").replace("\r\n", "\n") == render_markdown(DIGEST)
    page = body_of(mail, "html")
    assert all(item.title in page and item.url in page for item in DIGEST.items)
    assert not any(word in page for word in ("<script", "<svg", "var(--"))
    assert receipt.location == "a mail to sam@home.example"


def test_tls_from_the_first_byte_works_as_well(certificate: Path) -> None:
    with MailServer(tls=serving(certificate), is_implicit=True) as server:
        channel_to(server, trusting(certificate), security="tls", has_login=False).deliver(MESSAGE)
        assert [mail.was_encrypted for mail in server.mails] == [True]


def test_a_mail_that_was_taken_without_a_word_comes_again_and_is_known_by_its_id(
    server: MailServer, certificate: Path
) -> None:
    channel = channel_to(server, trusting(certificate))
    server.manners = Manners(login=LOGIN, cuts_after_data=True)
    with pytest.raises(TransientError, match="the connection was cut"):
        channel.deliver(MESSAGE)
    server.manners = Manners(login=LOGIN)
    channel.deliver(MESSAGE)
    first, second = server.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.content == second.content
    assert str(first.message["Message-ID"]).endswith("@home.example>")


def test_another_delivery_has_another_id(server: MailServer, certificate: Path) -> None:
    for key in ("a", "b"):
        channel_to(server, trusting(certificate)).deliver(OutboundDigest(key, DIGEST))
    assert len({str(mail.message["Message-ID"]) for mail in server.mails}) == 2


def test_a_long_digest_comes_in_numbered_mails_with_long_blocks_attached(server: MailServer, certificate: Path) -> None:
    digest = replace(DIGEST, sections=(replace(DIGEST.sections[0], prose="word " * 400),))
    channel_to(server, trusting(certificate), max_chars=1_000).deliver(OutboundDigest("k", digest))
    mails = [mail.message for mail in server.mails]
    count = len(mails)
    assert [mail["Subject"] for mail in mails] == [f"{DIGEST.title} ({n}/{count})" for n in range(1, count + 1)]
    attached = [part for mail in mails for part in mail.iter_attachments()]
    assert [part.get_filename() for part in attached] == ["block-1.md"]
    whole = "".join(body_of(mail, "plain").replace("\r\n", "\n") for mail in mails)
    short = [block.text for block in read_blocks(render_markdown(digest)) if len(block.text) < 1_000]
    assert all(text.strip() in whole for text in short)


@pytest.mark.parametrize(
    ("manners", "problem"),
    [
        (Manners(login=("team", "another")), "does not take the login: 535"),
        (
            Manners(login=LOGIN, answers={"RCPT": b"550 no such user"}),
            "does not take sam@home.example: 550 no such user",
        ),
        (Manners(login=LOGIN, answers={"MAIL": b"553 not yours"}), "does not take the sender: 553"),
        (Manners(), "offers no login"),
    ],
)
def test_what_the_person_must_correct_is_theirs(
    server: MailServer, certificate: Path, manners: Manners, problem: str
) -> None:
    server.manners = manners
    with pytest.raises(OwnerError, match=problem) as raised:
        channel_to(server, trusting(certificate)).deliver(MESSAGE)
    assert LOGIN[1] not in str(raised.value)
    assert server.mails == ()


@pytest.mark.parametrize(
    ("manners", "problem"),
    [
        (Manners(login=LOGIN, answers={"RCPT": b"450 mailbox busy"}), "450 mailbox busy"),
        (Manners(login=LOGIN, answers={"AUTH": b"454 try later"}), "454 try later"),
        (Manners(login=LOGIN, answers={"DATA": b"421 going down"}), "421 going down"),
    ],
)
def test_what_may_pass_is_tried_later(server: MailServer, certificate: Path, manners: Manners, problem: str) -> None:
    server.manners = manners
    with pytest.raises(TransientError, match=problem):
        channel_to(server, trusting(certificate)).deliver(MESSAGE)


@pytest.mark.parametrize("password", ["pässwort-der-person", "\ud800"])
def test_a_password_that_cannot_be_sent_is_the_persons_to_fix(
    server: MailServer, certificate: Path, password: str
) -> None:
    channel = channel_to(server, trusting(certificate), environ={"MAIL_PASSWORD": password})
    with pytest.raises(OwnerError, match="choose a password") as raised:
        channel.deliver(MESSAGE)
    assert password not in str(raised.value) and server.mails == ()


def test_what_a_server_says_draws_nothing_on_a_terminal(server: MailServer, certificate: Path) -> None:
    server.manners = Manners(login=LOGIN, answers={"RCPT": b"550 \x1b]0;owned\x07no such user"})
    with pytest.raises(OwnerError, match="550 no such user"):
        channel_to(server, trusting(certificate)).deliver(MESSAGE)


class NoAnswer:
    """A resolver that is never told anything."""

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


def test_a_name_that_nobody_resolves_holds_up_no_delivery_for_ever() -> None:
    mailbox = Mailbox(HOST, "team@home.example", ("sam@home.example",))
    declared = Channel("mail", "email", target=mailbox, timeout_s=0.2)
    with pytest.raises(TransientError, match="was not resolved within"):
        MailChannel(declared, mailbox, WebDoor(Egress(), NoAnswer()), {}).deliver(MESSAGE)


def test_of_several_recipients_all_get_it_or_none(server: MailServer, certificate: Path) -> None:
    channel_to(server, trusting(certificate), recipients=("a@x.example", "b@x.example")).deliver(MESSAGE)
    assert [mail.recipients for mail in server.mails] == [("a@x.example", "b@x.example")]


def test_a_server_that_never_says_a_word_is_left_after_its_time(server: MailServer, certificate: Path) -> None:
    server.manners = Manners(is_silent=True)
    with pytest.raises(TransientError, match=HOST):
        channel_to(server, trusting(certificate), timeout_s=0.3).deliver(MESSAGE)


def test_a_server_that_drips_is_left_after_its_time_also_over_tls(server: MailServer, certificate: Path) -> None:
    server.manners = Manners(login=LOGIN, drips_at="MAIL")
    with pytest.raises(TransientError, match=HOST):
        channel_to(server, trusting(certificate), timeout_s=1.0).deliver(MESSAGE)
    assert server.mails == ()


def test_a_certificate_of_somebody_else_is_the_persons_to_fix(tmp_path: Path) -> None:
    folder = make_certificate(tmp_path, "other.test")
    with (
        MailServer(tls=serving(folder)) as server,
        pytest.raises(OwnerError, match=r"certificate of smtp\.test cannot be trusted"),
    ):
        channel_to(server, trusting(folder), has_login=False).deliver(MESSAGE)


def test_a_server_without_starttls_gets_neither_password_nor_mail(certificate: Path) -> None:
    with MailServer() as server:
        with pytest.raises(OwnerError, match="offers no STARTTLS"):
            channel_to(server, trusting(certificate)).deliver(MESSAGE)
        assert server.mails == ()


def test_nobody_there_is_tried_later_and_a_forbidden_address_is_not(server: MailServer, certificate: Path) -> None:
    mailbox = Mailbox("127.0.0.1", "team@home.example", ("sam@home.example",), server.port)
    closed = MailChannel(Channel("mail", "email", target=mailbox), mailbox, CLOSED_DOOR, {}, trusting(certificate))
    with pytest.raises(OwnerError, match="grant it under"):
        closed.deliver(MESSAGE)
    with MailServer() as gone:
        port = gone.port
    nobody = Mailbox(HOST, "team@home.example", ("sam@home.example",), port)
    door = WebDoor(Egress(loopback=True), HostTable({HOST: ("127.0.0.1", 0)}))
    with pytest.raises(TransientError, match=HOST):
        MailChannel(Channel("mail", "email", target=nobody), nobody, door, {}, trusting(certificate)).deliver(MESSAGE)
