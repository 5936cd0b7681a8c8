from __future__ import annotations

from harness.domain.contract import Contract, Evidence, EvidenceItem, ItemRule, Violation
from harness.domain.judgement import gaps, judge, repair_message


def item(
    number: int,
    *,
    is_collected: bool = True,
    reachable: bool | None = True,
    is_seen: bool = False,
    reach_reason: str = "",
) -> EvidenceItem:
    return EvidenceItem(
        f"Title {number}", f"https://s.example/{number}", is_collected, reachable, is_seen, reach_reason
    )


def test_an_empty_contract_is_broken_by_nothing() -> None:
    assert judge(Contract(), Evidence("", (item(1, is_collected=False, reachable=False, is_seen=True),))) == ()


def test_sizes_say_what_is_there_and_what_is_needed() -> None:
    contract = Contract(min_items=8, max_items=1, min_chars=50, max_chars=3)
    details = [violation.detail for violation in judge(contract, Evidence("four", (item(1), item(2))))]
    assert details == [
        "2 items, at least 8 needed",
        "2 items, at most 1 allowed",
        "4 characters, at least 50 needed",
        "4 characters, at most 3 allowed",
    ]


def test_an_item_that_was_not_collected_does_not_count() -> None:
    evidence = Evidence("x", (item(1), item(2, is_collected=False)))
    (violation,) = judge(Contract(min_items=2), evidence)
    assert violation.detail.startswith("1 item (1 more does not count: its link was not collected), at least 2 needed")


def test_the_same_page_twice_counts_once() -> None:
    twice = (
        EvidenceItem("A", "https://s.example/1", True),
        EvidenceItem("B", "http://www.s.example/1/?utm_source=x", True),
    )
    (violation,) = judge(Contract(min_items=2), Evidence("x", twice))
    assert violation.detail.startswith("1 item, at least 2 needed")


def test_a_phrase_is_found_whatever_its_case_and_line_breaks() -> None:
    contract = Contract(must_include=("not financial advice", "as of"))
    (violation,) = judge(contract, Evidence("This is NOT\nfinancial  advice."))
    assert violation == Violation("must_include", "the text lacks “as of”", remedy="write it word for word")


def test_every_item_is_named_with_its_place_and_its_link() -> None:
    contract = Contract(every_item=ItemRule(reachable=True), unseen_for_s=14 * 86400)
    evidence = Evidence(
        "x",
        (
            item(1),
            item(2, reachable=False, reach_reason="answered 404"),
            item(3, is_collected=False, reachable=None),
            item(4, is_seen=True),
        ),
    )
    assert [str(violation) for violation in judge(contract, evidence)] == [
        "every_item.reachable: item 2 “Title 2” links https://s.example/2 which does not answer (answered 404)",
        "every_item.url: item 3 “Title 3” links https://s.example/3 which is not among the collected sources",
        "unseen_for: item 4 “Title 4” (https://s.example/4) was already delivered within the last 14 days",
    ]


def test_a_link_that_could_not_be_checked_is_a_gap_and_no_violation() -> None:
    contract = Contract(every_item=ItemRule(reachable=True))
    evidence = Evidence(
        "x",
        (
            item(1, reachable=None, reach_reason="no network"),
            item(2, reachable=None, reach_reason="answered 403"),
            item(3, reachable=None, reach_reason="no network"),
            item(4),
        ),
    )
    assert judge(contract, evidence) == ()
    assert gaps(evidence, contract) == (
        "links of 3 items could not be checked: s.example: 2 links (no network); s.example: 1 link (answered 403)",
    )
    assert gaps(evidence, Contract()) == (), "nobody asked for reachable links"
    assert gaps(Evidence("x", (item(1),))) == ()


def test_the_repair_turn_is_told_every_violation_once() -> None:
    seen = Violation("unseen_for", "item 1 was delivered before", "https://a.example/", "drop it")
    text = repair_message((Violation("max_chars", "too long"), seen))
    assert text.splitlines()[1:] == ["1. max_chars: too long", "2. unseen_for: item 1 was delivered before; drop it"]
