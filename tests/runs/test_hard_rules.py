"""Each hard rule with a whole run that breaks it: once mended by the second answer, once not. Nothing wrong is ever
delivered, and nothing is left out in silence."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from harness.delivery.digest import digest_from_json
from harness.delivery.markdown import render_markdown
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.testing.openai_server import OpenAIServer, say
from tests.runs.model_workspace import with_model

DELIVERED, DEGRADED, FAILED, SKIPPED = FireState.DELIVERED, FireState.DEGRADED, FireState.FAILED, FireState.SKIPPED

EIGHT = NOW + timedelta(minutes=1)
NOTES = "shared-context/notes.md"
DISCLAIMER = "Research only, not financial advice."
FACTS = """\
NVDA closed at 123.4 after 121.9 the day before. Its low of the month is 119.0, its high 131.0; volume rose 12.5 %.
"""
GOOD_SIGNAL = "- **NVDA** long · entry 123.4 · stop 119.0 · target 131.0 · confidence 65 % — a new high"
SIGNALS = "contract: {signals: {stop: required, wait_below: 60%}}"


@dataclass(frozen=True)
class Broken:
    """One way to break a rule. `told` is what the model is told of it, `gone` what nobody may get to read of the bad
    answer, `state` how a run ends that does not mend it, and `why` what the ledger or the page then says."""

    job: str
    bad: str
    good: str
    told: str
    gone: str
    state: FireState
    why: str


TEXTS = {
    "a number that nobody collected": Broken(
        "contract: {numbers: collected}",
        "NVDA closed at 123.4.\n\nIt will reach 187.5 soon.",
        "NVDA closed at 123.4, after 121.9 the day before.",
        "numbers: a number was not collected (line 3: 187.5",
        "187.5",
        DEGRADED,
        "left out: a number was not collected (line 3: 187.5, in “It will reach 187.5 soon.”)",
    ),
    "a percentage of the wrong sign": Broken(
        "contract: {numbers: collected}",
        "- NVDA closed at 123.4.\n- It fell 12.5 % on volume.",
        "- NVDA closed at 123.4.\n- Volume rose 12.5 %.",
        "numbers: a number was not collected (line 2: 12.5 %",
        "fell 12.5",
        DEGRADED,
        "left out: a number was not collected (line 2: 12.5 %",
    ),
    "a signal without a stop": Broken(
        SIGNALS,
        f"## Signals\n\n{GOOD_SIGNAL}\n- **AMD** long · entry 150 · target 170 · confidence 80 % — momentum",
        f"## Signals\n\n{GOOD_SIGNAL}",
        "signals: a signal names an entry and no stop (line 4: AMD)",
        "AMD** long",
        DEGRADED,
        "left out: a signal names an entry and no stop (line 4: AMD)",
    ),
    "a stop on the wrong side": Broken(
        SIGNALS,
        f"## Signals\n\n{GOOD_SIGNAL}\n- **AMD** short · entry 150 · stop 140 · confidence 80 % — weak",
        f"## Signals\n\n{GOOD_SIGNAL}\n- **AMD** short · entry 150 · stop 158 · confidence 80 % — weak",
        "signals: a signal has its stop on the wrong side (line 4: AMD, short, entry 150, stop 140); put its stop",
        "stop 140 ·",
        DEGRADED,
        "left out: a signal has its stop on the wrong side",
    ),
    "an entry at a confidence of 55 %": Broken(
        SIGNALS,
        f"## Signals\n\n{GOOD_SIGNAL}\n- **AMD** long · entry 150 · stop 140 · confidence 55 % — a hunch",
        f"## Signals\n\n{GOOD_SIGNAL}\n- **AMD** wait · confidence 55 % — a hunch",
        "signals: a signal enters where it is to wait (line 4: AMD, confidence 55 %, at least 60 % needed); say wait",
        "entry 150",
        DEGRADED,
        "left out: a signal enters where it is to wait (line 4: AMD, confidence 55 %",
    ),
    "a judgement without a label": Broken(
        "contract: {confidence: labelled}",
        "## Judgement\n\nRates have peaked.",
        "## Judgement\n\nRates have peaked. confidence: medium",
        "confidence: a judgement does not say how sure it is (line 3: Rates have peaked.)",
        "",
        DEGRADED,
        "a judgement does not say how sure it is (line 3: Rates have peaked.)",
    ),
    "no counter-argument": Broken(
        "contract: {sections: [Facts, Judgement, Counter-argument]}",
        "## Facts\n\nRates fell.\n\n## Judgement\n\nThey fall on.",
        "## Facts\n\nRates fell.\n\n## Judgement\n\nThey fall on.\n\n## Counter-argument\n\nPrices may rise again.",
        "sections: there is no heading “Counter-argument”",
        "",
        FAILED,
        "the contract does not hold: sections: there is no heading “Counter-argument”",
    ),
    "a counter-argument in name only": Broken(
        "contract: {sections: [Judgement, Counter-argument]}",
        "## Judgement\n\nThey fall on.\n\n## Counter-argument\n",
        "## Judgement\n\nThey fall on.\n\n## Counter-argument\n\nPrices may rise again.",
        "sections: nothing stands below the heading “Counter-argument”",
        "",
        FAILED,
        "sections: nothing stands below the heading “Counter-argument”",
    ),
    "a word of the markets": Broken(
        "contract: {must_not_include: [buy the dip, stock]}",
        "Good morning.\n\nA good day to buy\nthe dip.",
        "Good morning.\n\nA good day for a walk.",
        "must_not_include: the text says “buy the dip” (line 3",
        "the dip",
        DEGRADED,
        "left out: the text says “buy the dip” (line 3: A good day to buy)",
    ),
    "a reminder of sixty characters": Broken(
        "reminder: true",
        "Please remember to drink a large glass of water by the window",
        "Drink a glass of water.",
        "reminder: 61 characters, and a reminder has at most 49",
        "window",
        FAILED,
        "the contract does not hold: reminder: 61 characters, and a reminder has at most 49",
    ),
    "a word of the markets in a reminder": Broken(
        "reminder: true\ncontract: {must_not_include: [stock]}",
        "Look at the stock of the day.",
        "Look out of the window.",
        "must_not_include: the text says “stock”",
        "stock",
        FAILED,
        "the contract does not hold: must_not_include: the text says “stock”",
    ),
}  # fmt: skip


def run(workbench: Workbench, files: dict[str, str | None], *answers: str) -> tuple[Fire, list[str]]:
    """Run scout/morning once with a model that gives these answers; return its fire and what the model was told."""
    with OpenAIServer([say(answer) for answer in answers]) as server:
        workbench.write({**with_model(server), **files})
        workbench.system.workspace.reload()
        workbench.tick_at(EIGHT)
        told = [str(request.messages[-1]["content"]) for request in server.requests]
    fire = workbench.fires()[-1]
    assert fire.job_id == "scout/morning"
    return fire, told


def job(lines: str, read: str = f"[{NOTES}]") -> dict[str, str | None]:
    front = f"---\nschedule: daily 08:00\nread: {read}\ndeliver: digest\nattempts: 1\n{lines}\n---\nWrite it.\n"
    return {"agents/scout/jobs/morning.md": front, NOTES: FACTS}


def page(workbench: Workbench) -> str:
    """Return all that was delivered."""
    return "\n".join(path.read_text() for path in workbench.delivered())


def read(workbench: Workbench, fire: Fire) -> tuple[str, tuple[str, ...]]:
    """Return what was delivered but its gaps, and its gaps."""
    digest = digest_from_json(json.loads((workbench.system.state.root / str(fire.artifact)).read_text()))
    assert all(gap.partition("“")[0] in page(workbench) for gap in digest.gaps), "every gap is told to the person"
    return render_markdown(replace(digest, gaps=())), digest.gaps


@pytest.mark.parametrize("name", TEXTS)
def test_what_breaks_a_rule_is_told_to_the_model_and_its_second_answer_is_delivered(
    workbench: Workbench, name: str
) -> None:
    case = TEXTS[name]
    fire, told = run(workbench, job(case.job), case.bad, case.good)
    assert (fire.state, fire.reason) == (DELIVERED, "")
    assert len(told) == 2
    assert case.told in told[1]
    assert not case.gone or case.gone not in page(workbench)


@pytest.mark.parametrize("name", TEXTS)
def test_what_still_breaks_a_rule_is_left_out_and_named_or_nothing_is_delivered(
    workbench: Workbench, name: str
) -> None:
    case = TEXTS[name]
    fire, told = run(workbench, job(case.job), case.bad, case.bad)
    assert (fire.state, len(told)) == (case.state, 2)
    if case.state is FAILED:
        assert case.why in fire.reason
        assert workbench.delivered() == []
        return
    body, (gap,) = read(workbench, fire)
    assert case.why in gap
    assert fire.reason == gap
    assert not case.gone or case.gone not in body


def test_a_disclaimer_that_is_missing_twice_is_put_there_by_the_harness(workbench: Workbench) -> None:
    lines = f'contract: {{disclaimer: "{DISCLAIMER}"}}'
    fire, told = run(workbench, job(lines), "NVDA closed higher.", "NVDA closed higher.")
    assert "disclaimer: the disclaimer is missing; write at the end, word for word: Research only" in told[1]
    assert fire.state is DELIVERED
    assert page(workbench).count(DISCLAIMER) == 1


def test_a_disclaimer_that_the_second_answer_has_is_there_once(workbench: Workbench) -> None:
    lines = f'contract: {{disclaimer: "{DISCLAIMER}"}}'
    fire, _ = run(workbench, job(lines), "NVDA closed higher.", f"NVDA closed higher.\n\n*{DISCLAIMER}*")
    assert (fire.state, page(workbench).count(DISCLAIMER)) == (DELIVERED, 1)


def test_a_disclaimer_in_an_item_that_is_left_out_is_put_there_by_the_harness(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    answer = f"{entries(links)}\n- [Invented](https://invented.example/x) — why. {DISCLAIMER}"
    fire, told = run(workbench, job(f'contract: {{disclaimer: "{DISCLAIMER}"}}', "[feeds/ai]"), answer, answer)
    assert "the disclaimer is missing" in told[1]
    assert (fire.state, fire.items) == (DEGRADED, 1)
    assert page(workbench).count(DISCLAIMER) == 1


def test_a_section_with_nothing_but_an_item_that_is_left_out_is_a_failure(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    bad = f"## Facts\n\n{entries(links)}\n\n## Counter-argument\n\n- [Invented](https://invented.example/x) — why."
    lines = "contract: {sections: [Facts, Counter-argument]}"
    fire, told = run(workbench, job(lines, "[feeds/ai]"), bad, bad)
    assert (fire.state, page(workbench)) == (FAILED, "")
    assert "sections: nothing stands below the heading “Counter-argument”" in told[1]
    assert "sections: nothing stands below the heading “Counter-argument”" in fire.reason


# ── Items ────────────────────────────────────────────────────────────────────────────────────────


def entries(links: list[str], mark: str = "P1") -> str:
    return "\n".join(f"- [Story number {n}]({link}) — worth it. {mark}" for n, link in enumerate(links, start=1))


def test_an_invented_address_is_told_and_mended(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    lines = "contract: {every_item: {url: collected, reachable: true, priority: required}}"
    bad = entries([*links[:2], "https://invented.example/story"])
    fire, told = run(workbench, job(lines, "[feeds/ai]"), bad, entries(links))
    assert "every_item.url: item 3" in told[1]
    assert (fire.state, fire.items) == (DELIVERED, 3)
    assert "invented.example" not in page(workbench)


def test_an_address_that_stays_invented_is_left_out_and_named(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    lines = "contract: {every_item: {url: collected, reachable: true, priority: required}}"
    bad = entries([*links[:2], "https://invented.example/story"])
    fire, _ = run(workbench, job(lines, "[feeds/ai]"), bad, bad)
    assert (fire.state, fire.items) == (DEGRADED, 2)
    assert "1 item was left out because its link was not collected" in fire.reason
    assert "](https://invented.example" not in page(workbench)


def test_an_item_without_a_priority_is_mended(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    lines = "contract: {every_item: {priority: required}}"
    fire, told = run(workbench, job(lines, "[feeds/ai]"), entries(links, ""), entries(links, "P2"))
    assert "every_item.priority: item 1 “Story number 1” has no priority; end it with P0, P1 or P2" in told[1]
    assert (fire.state, fire.items) == (DELIVERED, 2)


def test_an_item_that_stays_without_a_priority_is_left_out_and_named(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    bad = f"{entries(links[:1])}\n{entries(links[1:], '')}"
    fire, _ = run(workbench, job("contract: {every_item: {priority: required}}", "[feeds/ai]"), bad, bad)
    assert (fire.state, fire.items) == (DEGRADED, 1)
    assert fire.reason == "left out: item 2 “Story number 1” has no priority"


def test_a_selection_without_a_model_says_that_nobody_judged_its_impact(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(job("contract: {every_item: {priority: required}}", "[feeds/ai]"))
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items, fire.reason) == (DEGRADED, 2, "not judged for impact: no model")


BASKETS = """\
# Baskets

## ai: AI
Words: kettle, bridges

## world: World
Words: fog
"""
RADAR = "contract: {max_share: {ai: 40%}}"


def radar(
    workbench: Workbench, contract: str = RADAR, of_ai: int = 8, of_world: int = 2
) -> tuple[list[str], dict[str, str | None]]:
    """Serve stories of the baskets ai and world, by the list they stand in; return their links and the job."""
    links = [workbench.web.serve(f"/s-{n}", b"a page") for n in range(1, of_ai + of_world + 1)]
    lists = {"ai": links[:of_ai], "world": links[of_ai:]}
    files: dict[str, str | None] = {"shared-context/baskets.md": BASKETS}
    for name, members in lists.items():
        rss = "".join(
            f"<item><title>Tale of the {name} {n}</title><link>{u}</link></item>" for n, u in enumerate(members)
        )
        body = f'<?xml version="1.0"?><rss version="2.0"><channel><title>{name}</title>{rss}</channel></rss>'
        url = workbench.web.serve(f"/{name}.xml", body.encode())
        files[f"shared-context/feeds/{name}.md"] = f"- [{name}]({url})\n"
    return links, {**job(contract, "[feeds/ai, feeds/world]"), **files}


def test_a_list_with_too_much_of_one_basket_is_mended(workbench: Workbench) -> None:
    links, files = radar(workbench)
    fire, told = run(workbench, files, entries(links), entries([links[0], *links[8:]]))
    assert (
        "max_share: item 8 “Story number 8” is one too many of ai (8 of 10 items are, at most 40 % may be)" in told[1]
    )
    assert (fire.state, fire.items) == (DELIVERED, 3)


def test_a_list_that_keeps_too_much_of_one_basket_loses_the_lowest_ranked_of_it(workbench: Workbench) -> None:
    links, files = radar(workbench)
    fire, _ = run(workbench, files, entries(links), entries(links))
    assert (fire.state, fire.items, fire.gaps) == (DEGRADED, 3, 1)
    body, gaps = read(workbench, fire)
    assert [link for link in links if f"({link})" in body] == [links[0], *links[8:]]
    assert gaps[0].startswith(
        "left out: 7 items too many of ai (8 of 10 items are, at most 40 % may be): “Story number 2”; "
    )


def test_a_selection_without_a_model_keeps_the_share_by_itself(workbench: Workbench) -> None:
    _, files = radar(workbench)
    workbench.write(files)
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items, fire.reason) == (DELIVERED, 3, "")


def test_a_selection_that_takes_a_few_of_many_keeps_the_share_as_well(workbench: Workbench) -> None:
    # Sixteen of forty are just what may be, and any eight that are chosen of them may be more.
    contract = "contract: {min_items: 5, max_items: 8, max_share: {ai: 40%}}"
    _, files = radar(workbench, contract, of_ai=16, of_world=24)
    workbench.write(files)
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    body, gaps = read(workbench, fire)
    assert (fire.state, gaps) == (DELIVERED, ())
    assert body.count("Tale of the ai") <= 2


def test_a_story_is_of_a_basket_by_its_words_as_well(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)  # of a kettle, and of bridges
    listed = (workbench.root / "shared-context/feeds/ai.md").read_text()
    files = job("contract: {max_share: {ai: 50%}}", "[feeds/mixed]")
    files |= {"shared-context/baskets.md": BASKETS, "shared-context/feeds/mixed.md": listed}
    fire, told = run(workbench, files, entries(links), entries(links))
    assert "one too many of ai (2 of 2 items are" in told[1]
    assert fire.state is FAILED
    assert fire.reason == (
        "the answer was empty; left out: 2 items too many of ai (2 of 2 items are, at most 50 % may be): "
        "“Story number 1”; “Story number 2”"
    )


# ── Templates, selections, citations ─────────────────────────────────────────────────────────────


def template(text: str, contract: str, read: str = f"[{NOTES}]") -> dict[str, str | None]:
    lines = f"without_model: template\ntemplate: morning.template.md\n{contract}"
    return {**job(lines, read), "agents/scout/jobs/morning.template.md": text}


def test_a_number_in_a_template_that_nobody_collected_is_left_out_and_named(workbench: Workbench) -> None:
    text = "NVDA closed at 123.4.\n\nThe index stands at 6,000.\n"
    workbench.write(template(text, "contract: {numbers: collected}"))
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    body, gaps = read(workbench, fire)
    assert fire.state is DEGRADED
    assert gaps == ("left out: a number was not collected (line 3: 6,000, in “The index stands at 6,000.”)",)
    assert "123.4" in body
    assert "6,000" not in body


def test_a_template_whose_every_number_was_collected_is_delivered(workbench: Workbench) -> None:
    text = "{{ inputs['shared-context/notes.md'].text }}\n\nRead at 08:00 on {{ today }}: 2 days, P1, S&P 500.\n"
    workbench.write(template(text, "contract: {numbers: collected}"))
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.reason) == (DELIVERED, "")


def test_a_selection_without_a_model_keeps_the_rule_of_numbers_with_its_own_words(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    workbench.write(job(f'contract: {{numbers: collected, disclaimer: "{DISCLAIMER}"}}', "[feeds/ai]"))
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items, fire.reason) == (DELIVERED, 3, "")
    assert DISCLAIMER in page(workbench)


def test_what_an_agent_promises_holds_for_its_written_jobs_and_not_for_its_actions(workbench: Workbench) -> None:
    agent = f'description = "Looks"\n[contract]\ndisclaimer = "{DISCLAIMER}"\nsections = ["Facts"]\n'
    action = "---\nschedule: daily 08:00\naction: self-check\ndeliver: digest\n---\n"
    files = {"agents/scout/agent.toml": agent, "agents/scout/jobs/check.md": action}
    workbench.write({**template("## Facts\n\nNVDA closed.\n", ""), **files})
    workbench.tick_at(EIGHT)
    fires = {fire.job_id: fire for fire in workbench.fires()}
    assert fires["scout/morning"].state is DELIVERED
    assert fires["scout/check"].state is not FAILED
    assert page(workbench).count(DISCLAIMER) == 1


REVIEW = (
    "---\nschedule: {schedule}\ndeliver: digest\nwithout_model: template\ntemplate: review.template.md\n---\nReview.\n"
)


def report(schedule: str) -> dict[str, str | None]:
    """A weekly report that cites scout/review, which is written by a template before it."""
    return {
        **job("contract: {cite: [scout/review]}", f"[scout/review, {NOTES}]"),
        "agents/scout/jobs/review.md": REVIEW.format(schedule=schedule),
        "agents/scout/jobs/review.template.md": "Rates fell.\n",
    }


def with_review(workbench: Workbench, *answers: str) -> tuple[Fire, list[str]]:
    workbench.write(report("sun 09:00"))
    workbench.run("scout/review")
    return run(workbench, report("sun 09:00"), *answers)


def test_a_report_that_does_not_cite_is_told_what_to_write(workbench: Workbench) -> None:
    fire, told = with_review(workbench, "Rates fell.", "Rates fell, says scout/review (2026-11-21).")
    assert "cite: the text does not cite scout/review with its day; name it as scout/review (2026-11-21)" in told[1]
    assert fire.state is DELIVERED


def test_a_report_that_never_cites_is_not_delivered(workbench: Workbench) -> None:
    fire, _ = with_review(workbench, "Rates fell.", "Rates fell, says scout/review (2026-11-14).")
    assert fire.state is FAILED
    assert fire.reason == "the contract does not hold: cite: the text does not cite scout/review with its day"
    assert not any("morning" in path.name for path in workbench.delivered())


def test_where_there_is_nothing_to_cite_yet_it_is_a_gap(workbench: Workbench) -> None:
    fire, told = run(workbench, report("sun 09:00"), "Rates fell.")
    assert (fire.state, len(told)) == (DEGRADED, 1)
    assert "scout/review has no result yet that could be cited" in read(workbench, fire)[1]
