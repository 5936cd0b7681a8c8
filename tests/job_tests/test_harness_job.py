"""The fixture with which people test their own jobs: one line, offline, on a copy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.domain.errors import HarnessError, OwnerError
from harness.domain.run import FireState
from harness.job_tests.stand_ins import Reply
from harness.job_tests.trial import JobTrial
from harness.testing.openai_server import OpenAIServer, fail, say
from harness.testing.web_server import WebReply, WebServer
from harness.testing.workspace import write_workspace_files
from tests.runs.model_workspace import SETTINGS, item_lines, with_job

STORIES = [
    ("A kettle learned to sing", "https://news.example.org/kettle", "It took a winter."),
    ("Bridges now repair themselves", "https://news.example.org/bridges"),
]
LINKS = [link for _, link, *_ in STORIES]
JOB = "scout/morning"
REACHABLE = with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 2, links: reachable}")
PAID = {"harness.toml": SETTINGS.format(base_url="https://models.example.org/v1", name="big-model")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_workspace_files(tmp_path / "team")


@pytest.fixture
def harness_job(root: Path, tmp_path: Path) -> JobTrial:
    return JobTrial(root, tmp_path, tmp_path / "scratch")


def edit(root: Path, files: Mapping[str, str | None]) -> None:
    for name, text in files.items():
        (root / name).write_text(text or "", encoding="utf-8")


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


# ── Without a recorded run ───────────────────────────────────────────────────────────────────────


def test_a_job_without_a_language_model_runs_on_the_stories_of_the_test(harness_job: JobTrial) -> None:
    result = harness_job(JOB, inputs={"feeds/ai": STORIES}, at="2026-11-21 07:40")
    assert (result.state, result.stop) == (FireState.DELIVERED, "completed")
    assert sorted(item.url for item in result.items) == sorted(LINKS)
    assert "2026-11-21" in result.prompt
    assert "A kettle learned to sing" in result.text
    assert (result.violations, result.gaps, result.tool_calls) == ((), (), ())


def test_the_model_says_what_the_test_tells_it_to_and_costs_what_its_profile_says(
    root: Path, harness_job: JobTrial
) -> None:
    edit(root, {**PAID, **REACHABLE})
    result = harness_job(JOB, inputs={"feeds/ai": STORIES}, model=[item_lines(LINKS[:1]), item_lines(LINKS)])
    assert result.state == "delivered"
    assert (result.model_calls, result.answers) == (2, (item_lines(LINKS[:1]), item_lines(LINKS)))
    # Estimated from what is said: more than a hundred tokens of prompt each, at a dollar for a million of them.
    assert 2 * 100 / 1_000_000 < result.cost < 0.05
    assert [item.reachable for item in result.items] == [True, True]


def test_a_link_that_the_test_calls_dead_is_left_out(root: Path, harness_job: JobTrial) -> None:
    edit(root, {**PAID, **REACHABLE})
    answer = item_lines(LINKS)
    result = harness_job(JOB, inputs={"feeds/ai": STORIES}, model=[answer, answer], links={LINKS[0]: 404})
    assert result.state == "degraded"
    assert [item.url for item in result.items] == LINKS[1:]
    assert any("reachable" in violation for violation in result.violations)


def test_tools_are_called_for_real_and_the_network_is_not_there(root: Path, harness_job: JobTrial) -> None:
    edit(root, PAID)
    replies: list[Reply] = [{"web.read": {"url": "https://203.0.113.7/"}, "feeds": {"name": "ai"}}, item_lines(LINKS)]
    result = harness_job(JOB, inputs={"feeds/ai": STORIES}, model=replies)
    first, second = result.tool_calls
    assert (first.name, first.arguments, first.error) == ("web.read", {"url": "https://203.0.113.7/"}, "failed")
    assert "a test has no network" in first.result
    assert second.name == "feeds"
    assert result.state == "delivered"


def test_a_model_that_is_asked_more_often_than_the_test_has_replies_says_so(root: Path, harness_job: JobTrial) -> None:
    edit(root, PAID)
    result = harness_job(JOB, inputs={"feeds/ai": STORIES}, model=[])
    assert result.state == "failed"
    assert "the test gives the model 0 replies, and it was asked once more" in result.reason


def test_an_answer_of_the_server_may_be_one_that_fails(root: Path, harness_job: JobTrial) -> None:
    edit(root, PAID)
    result = harness_job(JOB, inputs={"feeds/ai": STORIES}, model=[fail(500)])
    assert (result.state, result.stop) == ("failed", "error")
    assert "HTTP 500" in result.reason


def test_a_paid_model_is_not_asked_by_a_test(root: Path, harness_job: JobTrial) -> None:
    edit(root, PAID)
    with pytest.raises(OwnerError, match="a test does not ask the model of profile 'cheap'; give it answers"):
        harness_job(JOB, inputs={"feeds/ai": STORIES})


def test_a_source_that_the_test_says_nothing_of_is_not_fetched(harness_job: JobTrial) -> None:
    result = harness_job(JOB)
    assert result.state == "failed"
    assert "a test has no network" in result.reason


def test_the_workspace_is_not_changed_and_its_own_database_not_touched(root: Path, harness_job: JobTrial) -> None:
    settings = (root / "harness.toml").read_text(encoding="utf-8")
    edit(root, {"harness.toml": f'database_url = "sqlite:///theirs.db"\n{settings}'})
    before = snapshot(root)
    assert harness_job(JOB, inputs={"feeds/ai": STORIES}).state == "delivered"
    assert snapshot(root) == before


def test_each_run_of_a_test_begins_anew(root: Path, harness_job: JobTrial) -> None:
    edit(root, with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 1, unseen_for: 14d}"))
    results = [harness_job(JOB, inputs={"feeds/ai": STORIES}) for _ in range(2)]
    assert [result.state for result in results] == ["delivered", "delivered"]


def test_inputs_may_be_a_file_beside_the_test(tmp_path: Path, harness_job: JobTrial) -> None:
    feed = '<rss version="2.0"><channel><title>N</title><item><title>A fact</title><link>https://a.example/1</link>'
    (tmp_path / "news.xml").write_text(f"{feed}<description>d</description></item></channel></rss>", encoding="utf-8")
    assert [item.title for item in harness_job(JOB, inputs={"feeds/ai": "news.xml"}).items] == ["A fact"]
    with pytest.raises(OwnerError, match=r"none\.xml: is neither beside the test nor in the workspace"):
        harness_job(JOB, inputs={"feeds/ai": "none.xml"})


def test_what_is_not_there_is_named(root: Path, harness_job: JobTrial) -> None:
    with pytest.raises(HarnessError, match="agent scout has no job 'evening'"):
        harness_job("scout/evening")
    with pytest.raises(OwnerError, match='write it as at="2026-11-21 07:40"'):
        harness_job(JOB, at="noon")
    edit(root, {"agents/scout/jobs/morning.md": "---\nschedule: dayly 8\n---\nGo.\n"})
    with pytest.raises(OwnerError, match=r"morning\.md:2: "):
        harness_job(JOB)


# ── From a cassette ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def recorded(root: Path, tmp_path: Path) -> Path:
    """A cassette of a run that asked a real server and real sources, both of which are gone since."""
    with WebServer() as web, OpenAIServer(lambda request: say(item_lines(links))) as server:
        links = [web.serve(f"/story-{n}", b"a page") for n in (1, 2)]
        items = "".join(
            f"<item><title>Story {n} is long enough</title><link>{link}</link><description>d</description></item>"
            for n, link in enumerate(links, start=1)
        )
        feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>N</title>{items}</channel></rss>'
        web.serve("/feed.xml", WebReply(feed.encode(), headers={"content-type": "application/rss+xml"}))
        settings = SETTINGS.format(base_url=server.base_url, name="big-model")
        feeds = {"shared-context/feeds/ai.md": f"- [News]({web.url('/feed.xml')})\n"}
        edit(root, {"harness.toml": settings, **REACHABLE, **feeds})
        trial = JobTrial(root, tmp_path, tmp_path / "recording", is_recording=True)
        before = snapshot(root)
        assert trial(JOB, cassette="tapes/morning.yaml", at="2026-11-21 07:40").state == "delivered"
        assert snapshot(root) == before
    return tmp_path / "tapes/morning.yaml"


def test_a_recorded_run_is_played_without_network_and_key(recorded: Path, harness_job: JobTrial) -> None:
    before = recorded.read_bytes()
    result = harness_job(JOB, cassette="tapes/morning.yaml", at="2026-11-21 07:40")
    assert (result.state, result.stop, result.model_calls) == ("delivered", "completed", 1)
    assert [item.title for item in result.items] == ["Story 1", "Story 2"]
    assert result.cost > 0
    assert recorded.read_bytes() == before


def test_an_edit_fails_the_test_with_what_changed_in_what_the_model_is_asked(
    root: Path, recorded: Path, harness_job: JobTrial
) -> None:
    edit(root, {"agents/scout/SOUL.md": "You are terse.\n"})
    with pytest.raises(AssertionError) as raised:
        harness_job(JOB, cassette="tapes/morning.yaml")
    assert "model model-1 is not on the tape as it was asked" in str(raised.value)
    assert "\n-You are scout. You look before you speak.\n" in str(raised.value)
    assert "\n+You are terse.\n" in str(raised.value)
    assert "delete the cassette and record it again" in str(raised.value)
    assert harness_job(JOB, cassette="tapes/morning.yaml", strict=False).state == "delivered"


def test_a_contract_that_is_stricter_today_is_judged_by_todays_rules(
    root: Path, recorded: Path, harness_job: JobTrial
) -> None:
    edit(root, with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 2, max_chars: 20}"))
    result = harness_job(JOB, cassette="tapes/morning.yaml", strict=False)
    assert [violation.partition(":")[0] for violation in result.violations] == ["max_chars"]


def test_a_cassette_that_is_missing_is_never_recorded_silently(
    root: Path, tmp_path: Path, harness_job: JobTrial
) -> None:
    edit(root, PAID)
    with pytest.raises(OwnerError, match=r"none\.yaml: there is no such cassette; record it once with: pytest --harn"):
        harness_job(JOB, cassette="none.yaml")
    assert not (tmp_path / "none.yaml").exists()


@pytest.mark.parametrize(
    ("job", "more", "problem"),
    [
        (JOB, {"at": "2026-11-22 07:40"}, "the test is at another time"),
        (JOB, {"inputs": {"feeds/ai": STORIES}}, "was recorded with other inputs"),
        (JOB, {"model": ["hello"]}, "a cassette brings the model's answers"),
        ("scout/noon", {}, "holds a run of scout/morning, not of scout/noon"),
    ],
)
def test_a_test_that_asks_for_something_else_than_was_recorded_is_told(
    root: Path, recorded: Path, harness_job: JobTrial, job: str, more: dict[str, object], problem: str
) -> None:
    edit(root, {"agents/scout/jobs/noon.md": "---\nschedule: daily 12:00\n---\nGo.\n"})
    with pytest.raises(OwnerError, match=problem):
        harness_job(job, cassette="tapes/morning.yaml", **more)  # type: ignore[arg-type]
