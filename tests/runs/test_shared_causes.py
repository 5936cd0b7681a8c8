"""Whole runs that fail for something they share: one incident, with the jobs named, and one message."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from harness.domain.cause import NETWORK, endpoint_cause, job_cause, profile_cause
from harness.domain.run import FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.alerts import PROVED_AFTER_S
from harness.store.incidents import IncidentRow, open_incidents
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, fail, say
from harness.testing.web_server import WebReply

EIGHT = NOW + timedelta(minutes=1)
DAY = timedelta(days=1)


def _jobs(*names: str) -> dict[str, str | None]:
    head = "---\nschedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\nattempts: 1\n---\nRank what changed.\n"
    files: dict[str, str | None] = {"agents/scout/jobs/morning.md": None}
    return files | {f"agents/scout/jobs/{name}.md": head for name in names}


def _settings(server: OpenAIServer) -> dict[str, str | None]:
    return {
        "harness.toml": f"""\
home = "America/Los_Angeles"
user = "Sam"
profile = "cheap"

[profiles.cheap]
adapter = "openai"
base_url = "{server.base_url}"
model = "test-model"
attempts = 1

[channels.digest]
kind = "file"

[egress]
loopback = true
"""
    }


def _open(workbench: Workbench) -> list[IncidentRow]:
    with workbench.system.database.read() as connection:
        return open_incidents(connection)


def _alerts(workbench: Workbench) -> list[str]:
    """Return the alerts that have arrived, oldest first."""
    pages = [page for page in workbench.delivered() if page.name.startswith("harness-alerts")]
    return [page.read_text() for page in sorted(pages, key=lambda page: page.stat().st_mtime_ns)]


def test_a_model_that_is_down_is_one_incident_and_one_message_for_all_its_jobs(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    is_down = True

    def answer(_: ChatRequest) -> ChatAnswer:
        return fail(503) if is_down else say("Nothing to rank today, and here is why at some length.")

    with OpenAIServer(answer) as server:
        workbench.write({**_settings(server), **_jobs("one", "two", "three")})
        workbench.tick_at(EIGHT)
        endpoint = server.base_url.removeprefix("http://").partition("/")[0]
        (incident,) = _open(workbench)
        assert incident.cause == endpoint_cause(endpoint)
        assert (incident.occurrences, incident.jobs) == (3, ("scout/one", "scout/three", "scout/two"))
        workbench.system.tell_incidents(gather_s=0)
        workbench.system.tell_incidents(gather_s=0)
        (alert,) = _alerts(workbench)
        assert f"Alert: {endpoint} does not answer" in alert
        assert "Jobs: scout/one, scout/three, scout/two" in alert
        is_down = False
        workbench.tick_at(EIGHT + DAY)
    assert _open(workbench) == []
    workbench.clock.advance(PROVED_AFTER_S)
    workbench.system.tell_incidents(gather_s=0)
    assert "answers again" in _alerts(workbench)[-1]


def test_a_key_that_is_wrong_is_one_incident_of_its_profile(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    with OpenAIServer(lambda _: fail(401)) as server:
        workbench.write({**_settings(server), **_jobs("one", "two")})
        workbench.tick_at(EIGHT)
    (incident,) = _open(workbench)
    assert (incident.cause, incident.occurrences) == (profile_cause("cheap"), 2)


def test_a_network_that_is_down_is_one_incident_and_no_sources_fault(workbench: Workbench) -> None:
    nobody = "\n".join(f"- [Feed {port}](http://127.0.0.1:{port}/feed)" for port in (1, 2, 3))
    workbench.write({"shared-context/feeds/ai.md": f"{nobody}\n", **_jobs("one", "two")})
    for day in range(4):
        workbench.tick_at(EIGHT + day * DAY)
    (incident,) = _open(workbench)
    assert (incident.cause, incident.jobs) == (NETWORK, ("scout/one", "scout/two"))
    assert incident.occurrences == 8
    with workbench.system.database.read() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM source_health")).scalar() == 0
    workbench.serve_stories(2)
    workbench.system.workspace.reload()
    workbench.tick_at(EIGHT + 4 * DAY)
    assert _open(workbench) == []


def test_one_host_that_answers_shows_that_the_network_is_up_and_the_others_are_to_blame(workbench: Workbench) -> None:
    missing = workbench.web.serve("/gone.xml", WebReply(b"gone", status=404))
    nobody = "\n".join(f"- [Feed {port}](http://127.0.0.1:{port}/feed)" for port in (1, 2, 3))
    feeds = f"{nobody}\n- [Gone]({missing})\n"
    workbench.write({"shared-context/feeds/ai.md": feeds, **_jobs("one")})
    for day in range(3):
        workbench.tick_at(EIGHT + day * DAY)
    causes = {incident.cause for incident in _open(workbench)}
    assert NETWORK not in causes
    assert job_cause("scout/one") in causes
    assert sum(cause.startswith("source ") for cause in causes) == 4


@pytest.mark.parametrize("hosts", [1, 2])
def test_one_source_that_is_down_is_no_network_that_is_down(workbench: Workbench, hosts: int) -> None:
    feeds = "".join(f"- [Feed {port}](http://127.0.0.1:{port}/feed)\n" for port in range(1, hosts + 1))
    workbench.write({"shared-context/feeds/ai.md": feeds, **_jobs("one")})
    workbench.tick_at(EIGHT)
    (incident,) = _open(workbench)
    assert incident.cause == (endpoint_cause("127.0.0.1:1") if hosts == 1 else job_cause("scout/one"))


def test_a_source_that_keeps_being_down_is_left_alone_and_named_as_a_gap(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    feeds = (workbench.root / "shared-context/feeds/ai.md").read_text()
    workbench.write({"shared-context/feeds/ai.md": f"{feeds}- [Down](http://127.0.0.1:1/feed)\n", **_jobs("one")})
    for day in range(6):
        workbench.tick_at(EIGHT + day * timedelta(seconds=1))
        workbench.run("scout/one")
    fire = workbench.fires()[-1]
    assert fire.state is FireState.DEGRADED
    assert "127.0.0.1:1 has not answered 5 times in a row" in fire.reason


def test_a_job_that_fails_for_itself_is_told_by_its_name_with_the_command_that_explains_it(
    workbench: Workbench,
) -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=404))
    workbench.write({"shared-context/feeds/ai.md": f"- [Gone]({url})\n", **_jobs("one")})
    workbench.tick_at(EIGHT)
    workbench.system.tell_incidents(gather_s=0)
    (alert,) = _alerts(workbench)
    assert "Alert: scout/one fails" in alert
    assert "`harness why scout/one`" in alert
