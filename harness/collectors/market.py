"""Prices of what the person watches: several keyless sources, asked in turn, checked against each other.

The first source in the person's order that knows a symbol and answers with a price that is not too old tells it; a
second one is asked to confirm it. Whoever is down is passed over: a gap is what nobody knows, what is too old, and what
two of them say differently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType

from harness.collectors.context import CollectContext
from harness.collectors.deadline import finish
from harness.collectors.document import BadDocument, fetch_document, record_answer
from harness.collectors.fetch import gap_of_fault
from harness.collectors.markets.coingecko import CoinGecko
from harness.collectors.markets.figures import Told, figures_of, series_of
from harness.collectors.markets.frankfurter import Frankfurter
from harness.collectors.markets.fred import Fred
from harness.collectors.markets.prices import Prices, PriceSource
from harness.collectors.markets.sessions import Sessions
from harness.collectors.markets.stooq import Stooq
from harness.collectors.markets.symbols import kind_of
from harness.collectors.markets.yahoo import Yahoo
from harness.domain.errors import HarnessError
from harness.domain.market import WatchedSymbol, Watchlist
from harness.domain.source import Collected, Gap

SOURCES: Mapping[str, PriceSource] = MappingProxyType(
    {source.key: source for source in (Yahoo(), Stooq(), Fred(), Frankfurter(), CoinGecko())}
)
_ASKED_AT_ONCE = 6
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What one source said of a symbol. `is_fresh`: its newest bar is one of the last session, or later."""

    source: PriceSource
    spelled: str
    prices: Prices
    is_fresh: bool

    @property
    def newest(self) -> date:
        """The day of its newest bar."""
        return self.prices.bars[-1].day


async def collect_market(read: str, context: CollectContext) -> Collected:
    """Return figures and series of every symbol of `market/LIST`. Never raises for what a source does."""
    name = read.partition("/")[2]
    watchlist = context.workspace.watchlists.get(name)
    if watchlist is None:
        return Collected(read, gaps=(Gap(read, f"there is no list shared-context/markets/{name}.md"),))
    if not watchlist.symbols:
        return Collected(read, gaps=(Gap(read, "the list holds no symbol"),))
    places = asyncio.Semaphore(min(_ASKED_AT_ONCE, context.limits.concurrency))
    try:
        async with asyncio.TaskGroup() as tasks:
            readings = [
                tasks.create_task(_read_in_time(symbol, watchlist, places, context)) for symbol in watchlist.symbols
            ]
    except ExceptionGroup as failures:
        # A group would hide from the run that it is one of the harness's own: a full disk, a locked database.
        raise failures.exceptions[0] from failures
    results = [reading.result() for reading in readings]
    gaps = [gap for result in results for gap in result.gaps]
    is_usable = any(result.figures for result in results)
    return Collected(
        read,
        # Where nothing is known each symbol stays a gap of its own: that is how a run knows that all of it failed.
        gaps=joined(gaps) if is_usable else tuple(gaps),
        is_untrusted=False,
        figures=tuple(figure for result in results for figure in result.figures),
        series=tuple(series for result in results for series in result.series),
    )


def joined(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Return the gaps with those of one problem told once: `S&P 500, VIX and 9 more: answered 503`."""
    sources: dict[str, list[str]] = {}
    for gap in gaps:
        sources.setdefault(gap.problem, []).append(gap.source)
    return tuple(Gap(_listed(names), problem) for problem, names in sources.items())


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more"


async def _read_in_time(
    symbol: WatchedSymbol, watchlist: Watchlist, places: asyncio.Semaphore, context: CollectContext
) -> Collected:
    async def in_turn() -> Collected:
        async with places:
            try:
                return await _read_symbol(symbol, watchlist, context)
            except HarnessError:
                raise
            except Exception as error:  # noqa: BLE001 - the boundary of a symbol: whatever breaks, the others go on
                return Collected(symbol.symbol, gaps=(gap_of_fault(symbol.name, error, context),))

    result = await finish(in_turn(), context.deadline)
    if result is None:
        assert context.deadline is not None, "nothing else ends it early"
        return Collected(symbol.symbol, gaps=(context.deadline.gap(symbol.name),))
    return result


async def _read_symbol(symbol: WatchedSymbol, watchlist: Watchlist, context: CollectContext) -> Collected:
    settings = context.workspace.settings.markets
    sessions = Sessions.of(kind_of(symbol).calendar, context.workspace.calendars)
    answers: list[Answer] = []
    problems: list[str] = []
    for key in watchlist.sources or settings.sources:
        source = SOURCES[key]
        spelled = source.spelling(symbol)
        if not spelled or not _is_worth_asking(source, answers, is_confirmed=settings.confirm):
            continue
        answer = await _ask(source, spelled, sessions, context)
        if isinstance(answer, Answer):
            answers.append(answer)
        else:
            problems.append(f"{source.name} {answer}")
    if not answers:
        why = "; ".join(problems) or "no source knows this symbol; say how one of them writes it"
        return Collected(symbol.symbol, gaps=(Gap(symbol.name, why),))
    return _told(symbol, answers, sessions, context)


def _is_worth_asking(source: PriceSource, answers: list[Answer], *, is_confirmed: bool) -> bool:
    """Say whether another answer would add something: a fresh price, or one that confirms the one there is."""
    fresh = [answer for answer in answers if answer.is_fresh]
    if not fresh:
        return True
    confirms = source.gives_closes and fresh[0].source.gives_closes and not source.lag_sessions
    return is_confirmed and len(fresh) < 2 and confirms


async def _ask(source: PriceSource, spelled: str, sessions: Sessions, context: CollectContext) -> Answer | str:
    """Return what the source says, or why it says nothing, to follow its name."""
    today = context.now.date()
    base_url = context.workspace.settings.markets.urls[source.key]
    answer = await fetch_document(source.address(spelled, base_url, today), context)
    if isinstance(answer, str):
        await record_answer(base_url, answer, context)
        return answer
    try:
        prices = source.read(answer.body, spelled)
    except BadDocument as problem:
        # Of one symbol it is no fault of the source that it has none.
        await record_answer(base_url, "" if "no prices" in str(problem) else str(problem), context)
        return str(problem)
    await record_answer(base_url, "", context)
    bars = tuple(bar for bar in prices.bars if bar.day <= today + timedelta(days=1))
    if not bars:
        return "has only prices of days that are still to come"
    expected = sessions.last_ended(context.now, lag_sessions=source.lag_sessions)
    return Answer(source, spelled, replace(prices, bars=bars), bars[-1].day >= expected)


def _told(symbol: WatchedSymbol, answers: list[Answer], sessions: Sessions, context: CollectContext) -> Collected:
    """Return the figures of the answer to trust: the first that is fresh, or else the newest."""
    first = next((one for one in answers if one.is_fresh), None) or max(answers, key=lambda one: one.newest)
    others = [one for one in answers if one is not first and one.newest == first.newest]
    gaps = []
    confirmed_by = []
    for other in others if first.source.gives_closes else ():
        difference = _difference_percent(first, other)
        if difference <= context.workspace.settings.markets.tolerance_percent:
            confirmed_by.append(other.source.name)
        else:
            gaps.append(Gap(symbol.name, _in_words(first, other, difference)))
    expected = sessions.last_ended(context.now, lag_sessions=first.source.lag_sessions)
    if first.newest < expected:
        gaps.append(Gap(symbol.name, f"its newest price is of {first.newest}; the last session was on {expected}"))
    trust = f"confirmed by {' and '.join(confirmed_by)}" if confirmed_by else "single-source"
    source = f"{first.source.name}, {trust}"
    told = Told(symbol, kind_of(symbol), first.prices, source, first.source.page(first.spelled))
    return Collected(
        symbol.symbol,
        gaps=tuple(gaps),
        figures=figures_of(told, sessions, context.now),
        series=series_of(told, sessions, context.now),
    )


def _difference_percent(first: Answer, other: Answer) -> float:
    one, two = first.prices.bars[-1].close, other.prices.bars[-1].close
    return abs(one - two) / abs(one) * 100 if one else abs(two) * 100


def _in_words(first: Answer, other: Answer, difference: float) -> str:
    one, two = first.prices.bars[-1].close, other.prices.bars[-1].close
    return (
        f"{first.source.name} says {one:,.2f} and {other.source.name} {two:,.2f} for {first.newest}, "
        f"{difference:.1f} % apart; the first is shown"
    )
