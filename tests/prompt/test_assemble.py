"""From files to the bytes of a prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bus.prompt_news import News
from harness.collectors.parse import FeedParser
from harness.domain.agent import Agent
from harness.domain.contract import Contract, ItemRule
from harness.domain.errors import LimitReached, OwnerError
from harness.domain.job import Job
from harness.domain.settings import Egress, Profile, Settings
from harness.domain.skill import Skill
from harness.domain.source import Collected, Gap, Item
from harness.domain.tokens import estimate_request_tokens, estimate_tokens
from harness.domain.workspace import Workspace
from harness.gate.egress import SystemResolver, WebDoor
from harness.memory.records import MemoryRecord
from harness.prompt.assemble import AssembledPrompt, assemble
from harness.prompt.gather import Gathered, gather
from harness.prompt.output import SCHEDULED
from harness.prompt.skill_choice import Chosen
from harness.tools.catalogue import build_registry

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
WORDS = "word " * 40


async def fetch(name: str) -> Collected:
    return Collected(name)


async def search(words: str, limit: int) -> Collected:
    return Collected(words)


async def closed_nowhere(url: str) -> str | None:
    return None


REGISTRY = build_registry(
    web=WebDoor(Egress(), SystemResolver()),
    parser=FeedParser(),
    fetch_list=fetch,
    search=search,
    why_not=closed_nowhere,
)

JOB = Job(
    "scout", "morning", "agents/scout/jobs/morning.md", (), "America/Los_Angeles",
    prompt="Rank what changed for {{ user.name }}.", prompt_line=7,
)  # fmt: skip
AGENT = Agent("scout", "Looks", "I look before I speak.", "One list.", tools=("feeds",))
SKILLS = {
    "rank-items": Skill("rank-items", "How to rank.\nUse it for digests.", "skills/rank-items/SKILL.md", "BODY"),
    "other": Skill("other", "Not granted.", "skills/other/SKILL.md", "BODY"),
}


def workspace(root: Path, *, window: int = 128_000) -> Workspace:
    profile = Profile("cheap", "openai", context_window=window, max_output_tokens=window // 4)
    settings = Settings(user_name="Sam", default_profile="cheap", profiles={"cheap": profile})
    return Workspace(root, settings, user="Sam builds software.\n", skills=SKILLS)


def gathered(
    root: Path,
    *,
    agent: Agent = AGENT,
    job: Job = JOB,
    collected: Sequence[Collected] = (),
    window: int = 128_000,
    **run_inputs: str,
) -> Gathered:
    listed = tuple(SKILLS[name] for name in agent.skills if name in SKILLS)
    return gather(
        workspace(root, window=window), agent, job, collected,
        now=NOW, run_inputs=run_inputs, tools=REGISTRY.schemas(agent.tools), skills=Chosen(listed),
    )  # fmt: skip


def system(prompt: AssembledPrompt) -> str:
    assert [message.role for message in prompt.messages] == ["system", "user"]
    return prompt.messages[0].content


def user(prompt: AssembledPrompt) -> str:
    return prompt.messages[1].content


def items(count: int, title: str = "Title") -> tuple[Item, ...]:
    return tuple(
        Item(f"{title} {n}", f"https://a.org/{n}", "Blog", WORDS, NOW - timedelta(hours=n)) for n in range(count)
    )


def row(prompt: AssembledPrompt, section: str) -> tuple[int, int]:
    found = next(row for row in prompt.manifest.rows if row.section == section)
    return found.kept, len(found.dropped)


def remember(root: Path, text: str) -> None:
    folder = root / "agents" / "scout"
    folder.mkdir(parents=True)
    (folder / "MEMORY.md").write_text(text, encoding="utf-8")


def test_a_near_empty_scheduled_run_stays_under_a_thousand_tokens_in_all(tmp_path: Path) -> None:
    fifty = "word " * 40
    assert 45 < estimate_tokens(fifty) < 55
    for tool in ("feeds", "web.read", "files.read", "files.list", "files.write"):
        agent = Agent("scout", "d", fifty, fifty, tools=(tool,))
        job = replace(JOB, contract=Contract(min_items=8, max_items=20, every_item=ItemRule(reachable=True)))
        prompt = assemble(gathered(tmp_path, agent=agent, job=job))
        total = estimate_request_tokens(prompt.messages, prompt.tools)
        assert total < 1_000
        assert total == prompt.manifest.total_tokens


def test_what_is_stable_comes_first_and_in_its_order(tmp_path: Path) -> None:
    remember(tmp_path, "# Preferences\n\n- Sam reads this on a phone.\n")
    agent = replace(AGENT, skills=("rank-items",))
    job = replace(JOB, contract=Contract(min_items=8))
    prompt = assemble(gathered(tmp_path, agent=agent, job=job, collected=[Collected("feeds/ai", items(2))]))
    stable = [
        "You are scout",
        "# Who you are\nI look",
        "# How you work\nOne",
        "# About Sam\nSam",
        "# Skills",
        "# What you know",
    ]
    volatile = [
        "# Collected for this run",
        f"# Your task\nToday is 2026-11-21. {SCHEDULED}\nRank what",
        "# Your result is checked\n- At",
    ]
    assert sorted(stable, key=system(prompt).index) == stable
    assert sorted(volatile, key=user(prompt).index) == volatile
    assert "## Preferences\n- Sam reads this on a phone." in system(prompt)


def test_the_stable_message_is_the_same_bytes_whatever_was_collected(tmp_path: Path) -> None:
    one = assemble(gathered(tmp_path))
    other = assemble(gathered(tmp_path, collected=[Collected("feeds/ai", items(3))]))
    assert system(one) == system(other)
    assert one.sha256 != other.sha256


def test_all_runs_of_an_agent_begin_with_the_same_bytes_whatever_the_job_the_day_and_who_asked(tmp_path: Path) -> None:
    remember(tmp_path, "- Sam reads this on a phone.\n")
    agent = replace(AGENT, skills=("rank-items",), tools=("feeds", "web.read"))
    scheduled = gathered(tmp_path, agent=agent)
    others = (
        gathered(tmp_path, agent=agent, job=replace(JOB, name="evening", prompt="Say good night."), topic="the moon"),
        replace(scheduled, today="2027-01-01"),
        replace(scheduled, request="Zoe asks: how many kettles are there?"),
        replace(scheduled, news=(News("r-1", "zoe answered", is_final=True),)),
    )
    first = assemble(scheduled)
    for other in map(assemble, others):
        assert (system(other), other.tools) == (system(first), first.tools)
        assert user(other) != user(first)


def test_a_file_with_a_heading_of_its_own_is_not_given_a_second_one(tmp_path: Path) -> None:
    text = system(assemble(gathered(tmp_path, agent=replace(AGENT, rules="# Rules of scout\n\n- One."))))
    assert "# Rules of scout\n\n- One." in text
    assert "# How you work" not in text


def test_equal_parts_make_equal_bytes(tmp_path: Path) -> None:
    def prompt() -> AssembledPrompt:
        return assemble(gathered(tmp_path, collected=[Collected("feeds/ai", items(60))], topic="x"))

    assert prompt() == prompt()


def test_only_granted_skills_stand_in_the_directory_a_line_each_and_without_their_bodies(tmp_path: Path) -> None:
    text = system(assemble(gathered(tmp_path, agent=replace(AGENT, skills=("rank-items", "missing")))))
    assert "# Skills\n- rank-items: How to rank. Use it for digests." in text
    assert "other" not in text
    assert "BODY" not in text


def test_what_a_run_is_told_of_skills_stands_with_its_task_and_leaves_the_directory_as_it_is(tmp_path: Path) -> None:
    agent = replace(AGENT, skills=("rank-items",))
    one, other = SKILLS["rank-items"], SKILLS["other"]
    told = Chosen((one,), (other,), ((one.name, "it is for feeds/ai"), (other.name, "the task names it")), left_out=7)
    prompts = [
        assemble(replace(gathered(tmp_path, agent=agent), skills=chosen))
        for chosen in (told, Chosen((one,), left_out=8))
    ]
    named = "# Skills\n- rank-items: How to rank. Use it for digests."
    directory = f"{named}\n- 8 not named here: find them with use_skill(query)"
    assert all(directory in system(prompt) for prompt in prompts)
    assert system(prompts[0]) == system(prompts[1])
    assert (
        "# Skills for this task\n- rank-items applies: it is for feeds/ai\n"
        "- other: Not granted. (applies: the task names it)\n\n# Your task"
    ) in user(prompts[0])
    assert "Skills for this task" not in user(prompts[1])


def test_only_the_agents_tools_are_sent(tmp_path: Path) -> None:
    prompt = assemble(gathered(tmp_path))
    assert [tool.name for tool in prompt.tools] == ["feeds"]
    assert row(prompt, "tools") == (1, 0)


def test_an_input_is_fenced_with_its_source_and_its_items_are_numbered_lines(tmp_path: Path) -> None:
    feeds = Collected("feeds/ai", items(2), (Gap("News", "answered 500"),))
    lines = user(assemble(gathered(tmp_path, collected=[feeds]))).splitlines()
    assert re.fullmatch(r"<<<DATA [0-9a-f]{12} feeds/ai>>>", lines[1])
    assert lines[2] == "Not available: News: answered 500"
    assert lines[3].startswith("1. Title 0 | Blog | 2026-11-21 | https://a.org/0 | word word")
    assert lines[4].startswith("2. Title 1 | ")
    assert re.fullmatch(r"<<<END [0-9a-f]{12}>>>", lines[5])


def test_items_that_no_text_links_stand_behind_it(tmp_path: Path) -> None:
    first, second = items(2)
    collected = Collected("radar/discovered", (first, second), text=f"Two wait, one of them {first.url} since May.")
    text = user(assemble(gathered(tmp_path, collected=(collected,))))
    assert text.count(first.url) == 1
    assert f"| {second.url}" in text


def test_the_text_of_another_jobs_output_is_kept_as_it_was_written(tmp_path: Path) -> None:
    text = (
        "# Page\n\nProse,\nof two lines.\n\n## Items\n\n- [A](https://a.org/0) — why.\n- [B](https://a.org/1)\n\nEnd."
    )
    collected = Collected("ainews/morning", items(2), text=text)
    assert f"\n{text}\n<<<END" in user(assemble(gathered(tmp_path, collected=[collected])))


def test_an_input_reference_names_the_data_and_lets_no_word_of_it_into_the_task(tmp_path: Path) -> None:
    feeds = Collected("feeds/ai", items(3, "Obey me"))
    body = (
        "{{ inputs.feeds }} {{ inputs['feeds/ai'] | upper }} {{ inputs.feeds_ai | string | truncate(8) }}"
        "{% for name, text in inputs.items() %} {{ name }} {{ text }}{% endfor %}"
        "{% if inputs.feeds %} {{ inputs.feeds | length }} items{% endif %} {{ inputs.topic ~ '!' }}"
    )
    prompt = assemble(gathered(tmp_path, job=replace(JOB, prompt=body), collected=[feeds], topic="Obey me too"))
    task = user(prompt).partition("# Your task")[2]
    assert "obey" not in task.lower()
    assert "(DATA feeds/ai)" in task
    assert "3 items (DATA topic)!" in task


def test_an_input_that_brought_nothing_is_false_in_a_condition(tmp_path: Path) -> None:
    job = replace(JOB, prompt="{{ 'some' if inputs.feeds else 'nothing new' }}")
    assert "nothing new" in user(assemble(gathered(tmp_path, job=job, collected=[Collected("feeds/ai")])))


_HOSTILE = st.lists(
    st.one_of(
        st.text(max_size=6),
        st.sampled_from(["<<<END ", "<<<DATA ", ">>>", "\n# Your task\n", "{{ user.name }}", "\n\n", "\n- "]),
    ),
    max_size=8,
).map("".join)


@given(_HOSTILE, _HOSTILE)
def test_whatever_is_collected_stays_inside_its_fence(
    tmp_path_factory: pytest.TempPathFactory, title: str, text: str
) -> None:
    collected = [
        Collected("feeds/ai", (Item(f"Canary {title}", f"https://a.org/{title}", "Blog", text),), (Gap("x", text),)),
        Collected("page", text=f"Canary {text}"),
    ]
    prompt = assemble(gathered(tmp_path_factory.getbasetemp(), collected=collected, topic=f"Canary {text}"))
    outside = re.sub(r"<<<DATA ([0-9a-f]{12}) [^\n]*>>>\n.*?\n<<<END \1>>>", "", user(prompt), flags=re.DOTALL)
    assert outside.splitlines() == [
        "# Collected for this run", "", "", "", "", "# Your task", f"Today is 2026-11-21. {SCHEDULED}",
        "Rank what changed for Sam.",
    ]  # fmt: skip


def test_what_does_not_fit_is_dropped_by_whole_items_and_named_in_the_manifest(tmp_path: Path) -> None:
    collected = [Collected("feeds/ai", items(400)), Collected("feeds/releases", items(400))]
    prompt = assemble(gathered(tmp_path, collected=collected))
    kept, dropped = row(prompt, "inputs")
    assert kept + dropped == 800
    assert dropped > 0
    inputs = next(row for row in prompt.manifest.rows if row.section == "inputs")
    assert inputs.tokens <= inputs.budget_tokens
    assert inputs.dropped[-1].startswith("feeds/releases 400. Title 399")
    assert len(re.findall(r"^\d+\. Title \d+ \| .* word$", user(prompt), re.MULTILINE)) == kept


def test_memory_keeps_its_budget_however_much_was_collected(tmp_path: Path) -> None:
    remember(tmp_path, "".join(f"- Fact {number}.\n" for number in range(100)))
    small = assemble(gathered(tmp_path, window=6_000, collected=[Collected("feeds/ai", items(400))]))
    assert row(small, "MEMORY") == (100, 0)
    assert row(small, "inputs")[1] > 0
    assert small.manifest.total_tokens <= small.manifest.budget_tokens


def test_of_a_memory_that_is_too_long_promoted_records_go_before_what_the_person_wrote(tmp_path: Path) -> None:
    promoted = "".join(f"- {WORDS} ^ERR-20261121-{number:04x}\n" for number in range(60))
    pinned = "".join(f"- Mine {number}: {WORDS}\n" for number in range(60))
    remember(tmp_path, promoted + pinned)
    prompt = assemble(gathered(tmp_path))
    dropped = next(row for row in prompt.manifest.rows if row.section == "MEMORY").dropped
    assert len(dropped) >= 60
    assert {f"ERR-20261121-{number:04x}" for number in range(60)} <= set(dropped)


def test_a_missing_memory_is_no_memory(tmp_path: Path) -> None:
    assert gathered(tmp_path).memory == ()


@pytest.mark.parametrize("link", ["agents/scout/MEMORY.md", "agents/scout"])
def test_a_memory_behind_a_link_whose_end_is_gone_is_not_forgotten(tmp_path: Path, link: str) -> None:
    (tmp_path / link).parent.mkdir(parents=True)
    (tmp_path / link).symlink_to(tmp_path / "not-mounted")
    with pytest.raises(OwnerError, match=r"^agents/scout/MEMORY\.md: cannot be read"):
        gathered(tmp_path)


def test_a_memory_that_is_no_text_is_the_owners_to_fix(tmp_path: Path) -> None:
    remember(tmp_path, "")
    (tmp_path / "agents" / "scout" / "MEMORY.md").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(OwnerError, match=r"^agents/scout/MEMORY\.md: is no UTF-8 text"):
        gathered(tmp_path)


def test_a_job_reaches_the_model_without_control_and_invisible_characters(tmp_path: Path) -> None:
    prompt = assemble(gathered(tmp_path, job=replace(JOB, prompt="Rank\x1b[31m \u202eit.\x00")))

    assert "Rank it." in user(prompt)


def test_a_jinja_error_names_the_line_of_the_job_file(tmp_path: Path) -> None:
    with pytest.raises(OwnerError, match=r"^agents/scout/jobs/morning\.md:8: Jinja2: .*'nothing'"):
        assemble(gathered(tmp_path, job=replace(JOB, prompt="Rank.\n{{ inputs.nothing }}")))


def test_a_soul_over_its_budget_is_named_and_never_cut(tmp_path: Path) -> None:
    with pytest.raises(
        OwnerError, match=r"^agents/scout/SOUL\.md: SOUL takes [\d,]+ tokens of a prompt, over its 2,000"
    ):
        assemble(gathered(tmp_path, agent=replace(AGENT, soul="word " * 3_000)))


def test_a_model_whose_context_is_too_small_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(LimitReached, match="context"):
        assemble(gathered(tmp_path, window=500))


def test_today_is_the_day_in_the_jobs_zone(tmp_path: Path) -> None:
    tokyo = replace(JOB, zone="Asia/Tokyo")
    assert "Today is 2026-11-22." in user(assemble(gathered(tmp_path, job=tokyo)))


_LINES = st.text("abc dé日*`-#<>", min_size=1, max_size=60).map(str.strip).filter(bool)
_MEMORY = st.lists(st.tuples(_LINES, st.booleans(), st.integers(1, 40)), max_size=60)
_CAN_LEAVE_OUT = ("skills", "skills of the task", "MEMORY", "inputs", "requests")
_ROUNDING_TOKENS = 60


@given(_MEMORY, st.integers(0, 120), st.integers(2_500, 20_000))
def test_no_prompt_is_over_its_budget_cuts_a_record_or_loses_what_is_pinned(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, bool, int]], count: int, window: int
) -> None:
    memory = tuple(
        MemoryRecord((), f"- {number}: {' '.join([line] * times)} .", None if mine else f"ERR-20261121-{number:04x}")
        for number, (line, mine, times) in enumerate(lines)
    )
    collected = (Collected("feeds/ai", items(count)), Collected("zoe/daily", text="\n\n".join(["A page."] * count)))
    folder = tmp_path_factory.getbasetemp()
    parts = replace(gathered(folder, window=window, collected=collected), memory=memory)
    prompt = assemble(parts)

    assert assemble(parts) == prompt
    rows = {row.section: row for row in prompt.manifest.rows}
    assert prompt.manifest.total_tokens <= prompt.manifest.budget_tokens
    assert all(row.tokens <= row.budget_tokens for row in rows.values())
    kept = [record for record in memory if f"\n{record.text}\n" in f"{system(prompt)}\n"]
    # In pieces they would stand there and not be counted as kept, or the other way round.
    assert len(kept) == (rows["MEMORY"].kept if memory else 0)
    assert all(f"- {number}: " not in system(prompt) for number, one in enumerate(memory) if one not in kept)
    required = sum(row.tokens for name, row in rows.items() if name not in _CAN_LEAVE_OUT)
    room = min(3_200, prompt.manifest.budget_tokens - required) - _ROUNDING_TOKENS
    pinned = [record for record in memory if record.is_pinned]
    if sum(estimate_tokens(f"{record.text}\n") for record in pinned) <= room:
        assert set(pinned) <= set(kept)
