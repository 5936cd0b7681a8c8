from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.alerts import tell_incidents
from harness.store.incidents import open_incident
from harness.testing.web_server import WebReply

EIGHT = NOW + timedelta(minutes=1)
CHECK = "---\nschedule: every 30m\naction: self-check\ndeliver: terminal\n---\n"

ONCE = "---\nschedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\nattempts: 1\n---\nReport.\n"


def checks(workbench: Workbench) -> list[Fire]:
    return [fire for fire in workbench.fires() if fire.job_id == "scout/check"]


def with_check(workbench: Workbench) -> None:
    workbench.write({"agents/scout/jobs/check.md": CHECK})


def test_a_quiet_half_hour_is_silent_and_says_what_was_looked_at(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    with_check(workbench)
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + timedelta(minutes=30))
    fire = checks(workbench)[-1]
    assert fire.state is FireState.SILENT
    assert fire.reason == "checked: 2 fires since 08:00; nothing new is wrong"
    assert workbench.printed.getvalue() == ""


def test_a_failed_fire_is_told_at_the_next_look_and_not_again(workbench: Workbench) -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=503))
    workbench.write({"shared-context/feeds/ai.md": f"- [Gone]({url})\n", "agents/scout/jobs/morning.md": ONCE})
    with_check(workbench)
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + timedelta(minutes=30))
    told = workbench.printed.getvalue()
    workbench.tick_at(EIGHT + timedelta(minutes=60))
    assert "nothing could be collected" in told
    assert workbench.printed.getvalue() == told
    assert [str(fire.state) for fire in checks(workbench)][-2:] == ["delivered", "silent"]
    assert "1 incident open" in checks(workbench)[-1].reason


def alert(workbench: Workbench, at: datetime, *, is_through: bool = True) -> None:
    """Tell what is broken in an alert, which reaches the person or is given up."""
    system = workbench.system
    assert tell_incidents(system.database, system.workspace().settings, at, gather_s=0) is not None
    with system.database.write() as connection:
        state = "acknowledged" if is_through else "dead"
        connection.exec_driver_sql(f"UPDATE outbox SET state = '{state}' WHERE run_id LIKE 'alert:%'")


@pytest.mark.parametrize("is_over", [False, True])
def test_what_an_alert_has_told_is_no_news(workbench: Workbench, is_over: bool) -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=503))
    workbench.write({"shared-context/feeds/ai.md": f"- [Gone]({url})\n", "agents/scout/jobs/morning.md": ONCE})
    with_check(workbench)
    workbench.tick_at(EIGHT)
    alert(workbench, EIGHT + timedelta(minutes=1))
    if is_over:
        for cause in workbench.system.incidents.open_causes(""):
            workbench.system.incidents.resolve(cause)
    workbench.tick_at(EIGHT + timedelta(minutes=30))
    fire = checks(workbench)[-1]
    assert (fire.state, workbench.printed.getvalue()) == (FireState.SILENT, "")
    assert ("(told at 08:01)" in fire.reason) == (not is_over)
    assert "nothing new is wrong" in fire.reason


def test_what_is_new_is_told_and_what_an_alert_told_beside_it_in_one_line(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    with_check(workbench)
    workbench.tick_at(EIGHT)
    with workbench.system.database.write() as connection:
        open_incident(connection, "endpoint api.example.org:443", "no answer", EIGHT + timedelta(minutes=5))
    alert(workbench, EIGHT + timedelta(minutes=6))
    with workbench.system.database.write() as connection:
        open_incident(connection, "a cause", "it is broken", EIGHT + timedelta(minutes=7))
    workbench.tick_at(EIGHT + timedelta(minutes=30))
    printed = workbench.printed.getvalue()
    assert "a cause: `it is broken`" in printed
    assert "no answer" not in printed
    assert "known from an alert: `api.example.org:443 does not answer` (told at 08:06)" in printed


def test_an_alert_that_reached_nobody_has_told_nothing(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    with_check(workbench)
    workbench.tick_at(EIGHT)
    with workbench.system.database.write() as connection:
        open_incident(connection, "a cause", "it is broken", EIGHT + timedelta(minutes=5))
    alert(workbench, EIGHT + timedelta(minutes=6), is_through=False)
    workbench.tick_at(EIGHT + timedelta(minutes=30))
    assert "a cause: `it is broken`" in workbench.printed.getvalue()


def test_what_has_just_happened_is_left_to_the_alert_and_not_forgotten(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    with_check(workbench)
    workbench.tick_at(EIGHT)
    with workbench.system.database.write() as connection:
        open_incident(connection, "a cause", "it is broken", EIGHT + timedelta(minutes=28, seconds=50))
    workbench.tick_at(EIGHT + timedelta(minutes=30))
    assert workbench.printed.getvalue() == ""
    workbench.tick_at(EIGHT + timedelta(minutes=60))
    assert "a cause: `it is broken`" in workbench.printed.getvalue()


def test_news_that_no_channel_is_named_for_say_that_nobody_is_told(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write({"agents/scout/jobs/check.md": CHECK.replace("deliver: terminal\n", "")})
    workbench.tick_at(EIGHT)
    with workbench.system.database.write() as connection:
        open_incident(connection, "a cause", "it is broken", EIGHT + timedelta(minutes=5))
    workbench.tick_at(EIGHT + timedelta(minutes=30))
    fire = checks(workbench)[-1]
    assert fire.state is FireState.SILENT
    assert fire.reason.startswith("nobody is told: the job names no channel; add `deliver:`")


def test_a_slot_that_nothing_fired_is_told(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    with_check(workbench)
    workbench.tick_at(EIGHT)
    with workbench.system.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM fire WHERE job_id = 'scout/morning'")
        connection.exec_driver_sql("UPDATE job_state SET known_since = known_since - 7200")
    workbench.tick_at(EIGHT + timedelta(minutes=30))
    assert "scout/morning" in workbench.printed.getvalue()
    assert "nothing fired it" in workbench.printed.getvalue()


def test_a_source_that_keeps_failing_is_told_when_it_has_failed_three_times(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    gone = workbench.web.serve("/gone.xml", WebReply(b"gone", status=503))
    feeds = (workbench.root / "shared-context/feeds/ai.md").read_text()
    workbench.write({"shared-context/feeds/ai.md": f"{feeds}- [Gone]({gone})\n"})
    with_check(workbench)
    for _ in range(3):
        workbench.run()
    workbench.tick_at(EIGHT - timedelta(minutes=1) + timedelta(minutes=31))
    assert "times in a row" in workbench.printed.getvalue()
    assert checks(workbench)[-1].state is FireState.DELIVERED
