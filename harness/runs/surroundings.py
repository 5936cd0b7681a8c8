"""What an answer is judged by beside its own words and what was collected: looked up once, and recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.domain.basket import Basket
from harness.domain.contract import Contract
from harness.domain.shares import surplus
from harness.domain.source import Collected, Item
from harness.domain.workspace import Workspace
from harness.runs.collecting import Inputs
from harness.runs.outputs import day_of_latest_output
from harness.runs.plan import RunPlan
from harness.runs.said_before import days_of_words
from harness.runs.services import RunServices
from harness.runs.verdict import Surroundings, Writer


def surroundings_of(services: RunServices, plan: RunPlan, inputs: Inputs) -> Surroundings:
    """Return what the contract of the run's job asks for; it reads the database, and the workspace that is in force."""
    workspace, contract = services.workspace(), plan.job.contract
    days: Mapping[str, str] = {}
    if contract.cite:
        days = _days(services, workspace, contract)
    said: Mapping[str, str] = {}
    if plan.job.reminder:
        said = days_of_words(services.database, plan.job, plan.begun_at)
    writer: Writer = "extract" if plan.method == "extract" else "template" if plan.method == "template" else "model"
    return Surroundings(days, baskets_of(contract, inputs.collected, workspace.baskets), said, writer)


def surplus_of(plan: RunPlan, inputs: Inputs, workspace: Workspace) -> tuple[str, ...]:
    """Return the keys of the items that are not offered to a selection without a model: too many of their basket.

    A model is told of the limit and chooses itself. A selection by centrality goes with whatever most of them are, so
    that it is offered no more of a basket than the shortest list may hold that keeps the contract.
    """
    contract = plan.job.contract
    if plan.method != "extract" or not contract.max_share:
        return ()
    baskets = baskets_of(contract, inputs.collected, workspace.baskets)
    left = list(inputs.items)
    gone: list[str] = []
    for limit in contract.max_share:
        names = [baskets.get(item.key, ()) for item in left]
        members = [place for place, of in enumerate(names) if limit.basket in of]
        fits = int(limit.percent * (contract.min_items or len(left)) / 100)
        places = {*surplus(names, limit.basket, limit.percent), *members[fits:]}
        gone += [left[place].key for place in sorted(places)]
        left = [item for place, item in enumerate(left) if place not in places]
    return tuple(gone)


def baskets_of(
    contract: Contract, collected: tuple[Collected, ...], baskets: Mapping[str, Basket]
) -> Mapping[str, tuple[str, ...]]:
    """Return of which of the contract's baskets each item is: by the list that it was read from, or by its words."""
    named = {limit.basket: _pattern(baskets.get(limit.basket)) for limit in contract.max_share}
    found: dict[str, dict[str, None]] = {}
    for one in collected:
        for item in one.items:
            members = found.setdefault(item.key, {})
            members.update(dict.fromkeys(_of_item(item, one.read, named)))
    return {key: tuple(members) for key, members in found.items() if members}


def _of_item(item: Item, read: str, named: Mapping[str, re.Pattern[str] | None]) -> Iterator[str]:
    family, _, rest = read.partition("/")
    for name, words in named.items():
        is_from_its_list = family in ("feeds", "trends") and rest == name
        if is_from_its_list or (words is not None and words.search(f"{item.title}\n{item.summary}")):
            yield name


def _pattern(basket: Basket | None) -> re.Pattern[str] | None:
    if basket is None or not basket.words:
        return None
    words = "|".join(r"\s+".join(map(re.escape, word.split())) for word in basket.words)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def _days(services: RunServices, workspace: Workspace, contract: Contract) -> Mapping[str, str]:
    days: dict[str, str] = {}
    with services.database.read() as connection:
        for name in contract.cite:
            agent, _, job = name.partition("/")
            is_there = agent in workspace.agents and job in workspace.agents[agent].jobs
            day = day_of_latest_output(connection, workspace.job(name)) if is_there else None
            days[name] = "" if day is None else day.isoformat()
    return days
