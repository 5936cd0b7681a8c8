"""One mail through one SMTP server: pinned to checked addresses, encrypted, within a time."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage

from harness.delivery.answers import is_untrusted, must_act, untrusted_words
from harness.domain.channel import Mailbox
from harness.domain.errors import OwnerError, TransientError
from harness.gate.sanitise import one_line

_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class MailDoor:
    """A mail server that may be connected to at `addresses`, and how: `password` is None for one without a login."""

    channel: str
    mailbox: Mailbox
    addresses: Sequence[tuple[str, int]]
    password: str | None
    tls: ssl.SSLContext
    timeout_s: float

    def send(self, mail: EmailMessage) -> None:
        """Hand the mail over to the server, to all of its recipients or to none.

        Raises TransientError where a later try may work, OwnerError where the person must act first.
        """
        with (
            self._in_words(),
            _deadline(self.timeout_s) as watched,
            contextlib.closing(_PinnedServer(self, watched)) as server,
        ):
            self._log_in(server)
            self._hand_over(server, mail)
            with contextlib.suppress(smtplib.SMTPException, OSError):  # it has the mail: its goodbye changes nothing
                server.quit()

    def _log_in(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if self.mailbox.security == "starttls":
            server.starttls(context=self.tls)
            server.ehlo()
        if self.mailbox.username is not None and self.password is not None:
            server.login(self.mailbox.username, self.password)

    def _hand_over(self, server: smtplib.SMTP, mail: EmailMessage) -> None:
        """All recipients or none: a mail that some have would reach them again with the next try."""
        _expect(server.mail(self.mailbox.sender), "the sender")
        for recipient in self.mailbox.recipients:
            _expect(server.rcpt(recipient), recipient)
        _expect(server.data(mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))), "the mail")

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        host = self.mailbox.host
        try:
            yield
        except smtplib.SMTPNotSupportedError as error:
            raise must_act(
                self.channel,
                f"{host} offers no {'login' if 'AUTH' in str(error) else 'STARTTLS'} at port {self.mailbox.port}",
                'correct port and security ("tls" is mostly at 465, "starttls" at 587)',
            ) from error
        except smtplib.SMTPAuthenticationError as error:
            raise self._refused(error, "the login", "correct username, or the password in its variable") from error
        except smtplib.SMTPResponseException as error:
            what = error.what if isinstance(error, _NotTaken) else "what we said"
            raise self._refused(error, what, "correct the channel's addresses, or ask who runs the server") from error
        except UnicodeError as error:
            # Its words would say which character of the password it is.
            problem = f"{host} cannot be told the login or an address: smtplib sends ASCII only"
            raise must_act(self.channel, problem, "choose a password and addresses of plain letters") from error
        except (smtplib.SMTPException, OSError) as error:
            if is_untrusted(error):
                raise must_act(self.channel, *untrusted_words(host)) from error
            said = "the connection was cut" if isinstance(error, smtplib.SMTPServerDisconnected) else str(error)
            raise TransientError(f"channel {self.channel}: {host}: {said or type(error).__name__}") from error

    def _refused(self, error: smtplib.SMTPResponseException, what: str, fix: str) -> OwnerError | TransientError:
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        words = f"{self.mailbox.host} does not take {what}: {error.smtp_code} {one_line(said)[:_SHOWN_CHARS]}"
        if error.smtp_code >= 500:
            return must_act(self.channel, words, fix)
        return TransientError(f"channel {self.channel}: {words}")


class _NotTaken(smtplib.SMTPResponseException):
    """The server's answer to `what` was no."""

    def __init__(self, code: int, said: bytes, what: str) -> None:
        super().__init__(code, said)
        self.what = what


def _expect(answer: tuple[int, bytes], what: str) -> None:
    code, said = answer
    if not 200 <= code < 300:
        raise _NotTaken(code, said, what)


class _PinnedServer(smtplib.SMTP):
    """Connects to the checked addresses, one after the other; TLS still asks for the name."""

    def __init__(self, door: MailDoor, watched: list[smtplib.SMTP]) -> None:
        self._door = door
        watched.append(self)
        # By its literal address the client says hello: looking up its own name could take long.
        super().__init__(door.mailbox.host, door.mailbox.port, local_hostname="[127.0.0.1]", timeout=door.timeout_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = _connect(self._door.addresses, timeout / len(self._door.addresses))
        connection.settimeout(timeout)
        self.sock = connection  # also while it is being encrypted, the time may come to its end
        if self._door.mailbox.security != "tls":
            return connection
        try:
            return self._door.tls.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise


def _connect(addresses: Sequence[tuple[str, int]], timeout_s: float) -> socket.socket:
    for index, address in enumerate(addresses):
        try:
            return socket.create_connection(address, timeout_s)
        except OSError:
            if index + 1 == len(addresses):
                raise
    raise AssertionError("there is always an address: an empty list was refused")


@contextlib.contextmanager
def _deadline(timeout_s: float) -> Iterator[list[smtplib.SMTP]]:
    """Cut the connections of those in the list once the time is over: a server that drips holds nobody for ever."""
    watched: list[smtplib.SMTP] = []

    def cut() -> None:
        for server in watched:
            # Asked for only now: STARTTLS has put another socket in the place of the first.
            connection = server.sock
            if connection is not None:
                with contextlib.suppress(OSError):  # closed already
                    connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield watched
    finally:
        timer.cancel()
        timer.join()
