from __future__ import annotations

import io
from pathlib import Path

from harness.delivery.channels import FileChannel, StdoutChannel
from harness.delivery.mail import MailChannel
from harness.delivery.ntfy import NtfyChannel
from harness.delivery.webhook import WebhookChannel
from harness.domain.channel import INTERRUPTING, Channel, Mailbox, Topic, Webhook
from harness.domain.daily_life import PersonalCalendar
from harness.domain.settings import Profile, Settings
from harness.gate.egress import SystemResolver
from harness.store.state_folder import StateFolder
from harness.wiring.channels import open_channels
from harness.wiring.models import secrets_in

SETTINGS = Settings(
    profiles={"cheap": Profile("cheap", "openai", key_env="MODEL_KEY")},
    channels={
        channel.name: channel
        for channel in (
            Channel("digest", "file"),
            Channel("terminal", "stdout"),
            Channel("hook", "webhook", target=Webhook("", "HOOK_URL", "HOOK_KEY")),
            Channel(
                "mail", "email", target=Mailbox("h", "a@b.c", ("a@b.c",), username="a", password_env="MAIL_PASSWORD")
            ),
            Channel("phone", "ntfy", target=Topic("https://ntfy.sh/t", None, "NTFY_TOKEN")),
        )
    },
)


def test_every_kind_is_opened_as_what_it_is_and_interrupts_as_the_settings_say(tmp_path: Path) -> None:
    opened = open_channels(StateFolder(tmp_path), io.StringIO(), {}, SystemResolver(), SETTINGS)
    assert {name: type(channel) for name, channel in opened.items()} == {
        "digest": FileChannel,
        "terminal": StdoutChannel,
        "hook": WebhookChannel,
        "mail": MailChannel,
        "phone": NtfyChannel,
    }
    kinds = {name: channel.kind for name, channel in SETTINGS.channels.items()}
    assert {kinds[name] for name, channel in opened.items() if channel.is_interrupting} == INTERRUPTING
    assert [channel.name for channel in opened.values()] == list(opened)


def test_the_secrets_of_channels_are_taken_out_of_everything_that_is_written() -> None:
    environ = {"MODEL_KEY": "m", "HOOK_URL": "u", "HOOK_KEY": "h", "MAIL_PASSWORD": "p", "NTFY_TOKEN": "t", "HOME": "x"}
    assert secrets_in(SETTINGS, environ) == ("m", "u", "h", "p", "t")
    assert secrets_in(SETTINGS, {"HOOK_KEY": "h\n", "NTFY_TOKEN": "\n"}) == ("h",)


def test_the_address_of_a_calendar_is_a_secret_and_its_file_is_none() -> None:
    address = "https://calendar.example/private-1f/basic.ics"
    calendars = (PersonalCalendar("work", address), PersonalCalendar("home", "calendars/home.ics"))
    assert secrets_in(Settings(calendars=calendars), {}) == (address,)
