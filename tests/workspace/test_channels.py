from __future__ import annotations

import pytest

from harness.domain.channel import NEVER_QUIET, Channel, Mailbox, Topic, Webhook
from harness.domain.schedule import QuietHours
from harness.workspace.report import Report
from harness.workspace.settings import read_settings


def channel_of(lines: str) -> tuple[Channel, list[str]]:
    """Return the channel that these lines declare, and what is told of them."""
    report = Report("harness.toml")
    read = read_settings(f'home = "UTC"\n[channels.x]\n{lines}\n', report)
    assert read is not None
    return read[0].channels["x"], [str(entry.finding) for entry in report.entries]


def test_each_kind_is_read_with_its_keys_and_nothing_to_tell() -> None:
    channel, told = channel_of('kind = "webhook"\nurl = "https://a.example/hook"\nkey_env = "HOOK_KEY"')
    assert (channel.target, told) == (Webhook("https://a.example/hook", None, "HOOK_KEY"), [])
    assert channel.secret_names == ("HOOK_KEY",)
    channel, told = channel_of(
        'kind = "email"\nhost = "smtp.a.example"\nfrom = "t@a.example"\nto = ["y@a.example", "y@a.example"]\n'
        'username = "t"\npassword_env = "MAIL_PASSWORD"'
    )
    expected = Mailbox("smtp.a.example", "t@a.example", ("y@a.example",), 587, "starttls", "t", "MAIL_PASSWORD")
    assert (channel.target, channel.secret_names, told) == (expected, ("MAIL_PASSWORD",), [])
    channel, told = channel_of(
        'kind = "ntfy"\nurl_env = "NTFY_URL"\ntoken_env = "NTFY_TOKEN"\npriority = "high"\ntags = "newspaper"\n'
        'quiet_hours = "22:00-06:30"\nunseen_for = "14d"\nmax_chars = 800\ntimeout = "10s"'
    )
    assert (channel.target, told) == (Topic("", "NTFY_URL", "NTFY_TOKEN", "high", ("newspaper",)), [])
    assert (channel.quiet_hours, channel.unseen_for_s) == (QuietHours(22 * 60, 6 * 60 + 30), 14 * 86_400)
    assert (channel.max_chars, channel.timeout_s) == (800, 10.0)


def test_only_ntfy_splits_its_text_unless_told_otherwise() -> None:
    assert channel_of('kind = "ntfy"\nurl = "https://ntfy.sh/t"')[0].max_chars == 3_900
    assert channel_of('kind = "webhook"\nurl = "https://a.example/"')[0].max_chars is None


def test_quiet_hours_may_be_switched_off_for_a_channel() -> None:
    assert channel_of('kind = "stdout"\nquiet_hours = "never"')[0].quiet_hours == NEVER_QUIET


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('kind = "webhook"', ":2: channels.x: a channel of kind webhook needs url; add url = "),
        ('kind = "ntfy"\nurl = "https://ntfy.sh"', ":4: channels.x: https://ntfy.sh names a server and no topic"),
        ('kind = "ntfy"\nurl = "https://n.sh/t"\nurl_env = "U"', ":5: channels.x: url and url_env both"),
        ('kind = "file"\nurl = "https://a.example/"', ":4: channels.x: url is for webhook and ntfy"),
        ('kind = "email"\nhost = "h"\nfrom = "a@b.c"\nto = "me"', ":6: channels.x.to: 'me' is not a mail address"),
        ('kind = "email"\nhost = "h"\nfrom = "a@b.c"\nto = "a,b@c"', ":6: channels.x.to: 'a,b@c' is not a mail"),
        ('kind = "email"\nhost = "h"\nfrom = "a@b.c"\nto = "a..b@c"', ":6: channels.x.to: 'a..b@c' is not a mail"),
        ('kind = "email"\nhost = "h"\nfrom = "a@bä.c"\nto = "a@b.c"', "write the domain as DNS has it"),
        ('kind = "email"\nhost = "h"\nto = "a@b.c"', "channels.x: a channel of kind email needs from; add from = "),
        ('kind = "webhook"\nurl = "https://a.example/"\nkey_env = "s3cr3t"', ":5: channels.x.key_env: this is not the"),
        ('kind = "stdout"\nquiet_hours = "at night"', ":4: channels.x.quiet_hours: 'at night' is not a span of hours"),
        ('kind = "ntfy"\nurl = "https://n.sh/t"\nmax_chars = 10', ":5: channels.x.max_chars is 10: too small"),
        ('kind = "ntfy"\nurl = "https://n.sh/t"\ntimeout = "5m"', ":5: channels.x.timeout is '5m': too large"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(lines: str, expected: str) -> None:
    told = channel_of(lines)[1]
    assert any(f"harness.toml{expected}" in one or expected in one for one in told), told


def test_a_password_is_never_sent_in_the_open() -> None:
    told = channel_of(
        'kind = "email"\nhost = "h"\nfrom = "a@b.c"\nto = "a@b.c"\n'
        'security = "none"\nusername = "u"\npassword_env = "P"'
    )[1]
    assert any("the password would travel in the open" in one for one in told)


def test_half_a_login_is_a_mistake() -> None:
    told = channel_of('kind = "email"\nhost = "h"\nfrom = "a@b.c"\nto = "a@b.c"\nusername = "u"')[1]
    assert any("password_env is not there" in one for one in told)
