from __future__ import annotations

from datetime import date

import pytest

from harness.domain.settings import Alerts, Backups, Here, Retention, Settings, Watchdog
from harness.workspace.report import Report
from harness.workspace.settings import read_settings

FULL = """\
home = "Europe/Berlin"
team = "north"
database_url = "postgresql://harness@db.example/harness"
drain = "45s"

[channels.digest]
kind = "file"

[channels.terminal]
kind = "stdout"

[here]
zone = "Asia/Tokyo"
until = 2026-12-05

[alerts]
deliver = ["digest", "terminal"]
after = 2
cool_down = "1h"
disable_after = 5

[watchdog]
ping_url = "https://watch.example/ping/1"
every = "5m"

[retention]
runs = "30d"
artifacts = "730d"
artifacts_size = "500MB"

[backups]
folder = "/var/backups/team"
keep = 3
"""


def read(text: str) -> tuple[Settings, list[tuple[str, str]]]:
    """Return the settings, and each finding with its severity."""
    report = Report("harness.toml")
    found = read_settings(text, report)
    assert found is not None
    return found[0], [(str(entry.finding), entry.finding.severity) for entry in report.entries]


def findings_of(line: str) -> list[str]:
    """Return what is said about a line that stands below `home`."""
    return [finding for finding, _ in read(f'home = "UTC"\n{line}\n')[1]]


def test_settings_for_months_of_running_are_read_with_their_units() -> None:
    settings, findings = read(FULL)
    assert findings == []
    assert (settings.team, settings.drain_s) == ("north", 45)
    assert settings.database_url == "postgresql://harness@db.example/harness"
    assert settings.here == Here("Asia/Tokyo", date(2026, 12, 5))
    assert settings.alerts == Alerts(("digest", "terminal"), 2, 3600, 5)
    assert settings.watchdog == Watchdog("https://watch.example/ping/1", 300)
    assert settings.retention == Retention(30 * 86_400, 730 * 86_400, 500_000_000)
    assert settings.backups == Backups("/var/backups/team", 3)


def test_settings_that_say_none_of_it_have_the_defaults_of_the_domain() -> None:
    settings, findings = read('home = "UTC"\n')
    assert findings == []
    assert settings == Settings(home_zone="UTC", default_profile="extractive", profiles=settings.profiles)


def test_empty_tables_change_no_default() -> None:
    assert read('home = "UTC"\n[alerts]\n[watchdog]\n[retention]\n[backups]\n') == read('home = "UTC"\n')


def test_team_that_wants_no_job_to_be_paused_says_never() -> None:
    assert read('home = "UTC"\nalerts = {disable_after = "never"}\n')[0].alerts.disable_after is None


def test_one_channel_of_alerts_needs_no_list_and_a_day_may_be_a_text() -> None:
    tables = '[channels.x]\nkind = "stdout"\n[alerts]\ndeliver = "x"\n[here]\nzone = "UTC"\nuntil = "2026-12-05"\n'
    settings, findings = read(f'home = "UTC"\n{tables}')
    assert findings == []
    assert settings.alerts.channels == ("x",)
    assert settings.here == Here("UTC", date(2026, 12, 5))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('team = "My Team"', "team: 'My Team' is not lower-case words with hyphens; write it such as \"my-team\""),
        ('database_url = "mysql://x/y"', "database_url: this is no address of a database; write postgresql://"),
        ('database_url = "sqlite://x.db"', "database_url: the address of the database names no file; write sqlite:///"),
        ('database_url = "postgresql://db/x"', "several teams may use one PostgreSQL database, and this one has no name; add team = "),  # noqa: E501
        ('drain = 20', "drain: 20 has no unit"),
        ('here = {zone = "Tokyo"}', "here.zone: there is no time zone 'Tokyo'; did you mean 'Asia/Tokyo'?"),
        ('here = {until = 2026-12-05}', "here.zone is missing; add zone"),
        ('here = {zone = "UTC", until = "friday"}', "here.until: 'friday' is not a date; write it as 2026-12-05"),
        ('alerts = {deliver = "digset"}', "unknown channel 'digset'; there are none yet"),
        ('alerts = {after = 0}', "alerts.after is 0: too small; the limit is 1"),
        ('alerts = {disable_after = "often"}', "alerts.disable_after: 'often' is not a number of failures; write a whole number from 1, or never"),  # noqa: E501
        ('alerts = {cooldown = "1h"}', "unknown key 'alerts.cooldown'; did you mean 'cool_down'?"),
        ('watchdog = {ping_url = "watch.example"}', "watchdog.ping_url: 'watch.example' is not a web address"),
        ('retention = {artifacts_size = "2 boxes"}', "retention.artifacts_size: '2 boxes' is not a size"),
        ('retention = {runs = "4000d"}', "retention.runs: '4000d' is out of range; use 1s to 3660d"),
        ('backups = {keep = 0}', "backups.keep is 0: too small; the limit is 1"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_once_with_its_line_and_its_fix(line: str, expected: str) -> None:
    told = findings_of(line)
    assert len(told) == 1, told
    assert told[0].startswith(f"harness.toml:2: {expected}"), told


def test_password_in_the_file_is_a_warning_that_does_not_repeat_it() -> None:
    settings, findings = read('home = "UTC"\nteam = "t"\ndatabase_url = "postgresql://me:hunter2@db/x"\n')
    assert findings == [
        (
            "harness.toml:3: database_url holds a password, and this file may be shared; "
            "put the whole address into the environment variable HARNESS_DATABASE_URL",
            "warning",
        )
    ]
    assert settings.database_url == "postgresql://me:hunter2@db/x"


@pytest.mark.parametrize("url", ["mysql://me:hunter2@db/x", "postgresql://me:hunter2@db:port/x"])
def test_address_that_cannot_be_read_does_not_repeat_its_password(url: str) -> None:
    told = "".join(findings_of(f'database_url = "{url}"'))
    assert "database_url" in told and "hunter2" not in told


def test_file_as_database_needs_no_name_of_a_team() -> None:
    assert findings_of('database_url = "sqlite:///state/team.db"') == []
