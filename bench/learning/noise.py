"""What else happens in the weeks between: other tasks, other mistakes, notes, in the words of the same trades."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

from bench.learning.family import Correction, Family, Task
from bench.learning.notebook import Notebook
from bench.learning.recording import Called, Run
from bench.learning.world import correction
from harness.domain.learning import Learning
from harness.domain.tool import ToolResult

_TOOLS = (
    "feeds.read", "feeds.items", "web.read", "web.search", "web.fetch", "files.read", "files.write", "files.table",
    "market.rank", "market.series", "market.quote", "calendar.events", "calendar.book", "calendar.week",
    "clock.convert", "sensors.read", "metrics.range", "weather.sum", "deliver.send", "deliver.mail", "tickets.open",
    "letter.write", "report.render", "routes.distance", "images.resize", "arxiv.search", "payments.refund", "ask",
    "use_skill", "library.loan", "garden.water", "kitchen.order", "trains.seats", "lights.dim", "parcels.track",
    "choir.scores",
)  # fmt: skip
_ARGUMENTS = ("depth", "order", "style", "scope", "level", "grade", "batch", "shelf", "track", "mode_of_pay", "layout")
_VALUES = (
    "amber", "birch", "cobalt", "delta", "ember", "fjord", "granite", "heather", "indigo", "juniper", "kelp",
    "lilac", "maple", "nettle", "ochre", "pebble", "quartz", "rowan", "saffron", "thistle", "umber", "violet",
    "willow", "yarrow",
)  # fmt: skip
_SUBJECTS = (
    "the tea shop's website", "the ferry timetable", "shares of chip makers", "the school calendar", "bond funds",
    "the parish archive", "the office in Lisbon", "the freezer in the canteen", "the newsletter", "the lease",
    "the weekly digest", "podcasts about sailing", "the tax return", "the translation", "invoices of October",
    "the harbour strike", "the lift", "the choir's concert", "the rain gauge", "the mail server", "papers on planning",
    "the release notes", "the landlord's reply", "the teapots", "the Daily Ledger", "the shifts over Christmas",
)  # fmt: skip
_NOTES = (
    "looked into {} for an hour and found nothing that had to be done today",
    "Sam asked about {}; answered that the figures come on Friday",
    "finished the draft about {} and sent it to zoe for a second look",
    "{} came up twice this morning, and nobody knew who is in charge of it",
    "moved everything about {} to a folder of its own, as it had become too much",
    "the meeting about {} was put off to next week because two people were ill",
    "there is a new contact for {}: Ms Okafor, who answers mails before noon",
    "wrote three sentences on {} for the digest, and left out the rumours",
    "prices around {} have been steady, so the report said nothing of them",
    "compared this year's plan for {} with last year's: less money, more work",
    "{}: the list of open questions is down to four, none of them pressing",
    "somebody had already done the work on {}, which saved the afternoon",
)
_TASKS = (
    "Have a look at {} and say what is new.",
    "Bring the page about {} up to date.",
    "Prepare the talk on {} for Monday.",
    "Check whether anything about {} needs an answer.",
    "Put together what we have on {}.",
)
_ERRORS = (
    "{} {} is not known here; known are {} and others",
    "this needs {} to be {}",
    "turned down: {} {} has been replaced by {}",
)
_SAID = ("doing it the old way", "guessing", "asking three people first", "leaving it for the evening")


class Weeks:
    """Episodes of one seed, one after another: told to go on, they go on where they stopped."""

    def __init__(self, seed: int, start: date, days: int) -> None:
        self._draw = random.Random(f"noise {seed}")
        self._start, self._days = start, days
        self._count = 0

    def go_on(self, notebook: Notebook, until: int, approve: Callable[[Learning], bool]) -> None:
        """Live through episodes until there were so many."""
        runs: list[Run] = []
        corrections: list[Learning] = []
        while self._count < until:
            self._count += 1
            day = self._start + timedelta(days=self._count % self._days)
            subject = self._draw.choice(_SUBJECTS)
            for _ in range(self._draw.choice((1, 1, 2))):
                notebook.note(day, self._draw.choice(_NOTES).format(self._draw.choice(_SUBJECTS)))
            kind = self._draw.random()
            if kind < 0.2:
                runs += self._mistake(subject, day)
            elif kind < 0.25:
                runs.append(self._report(subject, day))
            elif kind < 0.28:
                corrections.append(self._correction(subject, day))
        if runs:
            notebook.examine([run.showing() for run in sorted(runs, key=lambda run: (run.day, run.name))])
        for learning in corrections:
            notebook.correct(learning)
        if runs or corrections:
            notebook.reflect(self._start + timedelta(days=self._days), approve)

    def _mistake(self, subject: str, day: date) -> list[Run]:
        """A call that fails and is mended; in two of five cases its way holds in three more runs."""
        tool, name = self._draw.choice(_TOOLS), self._draw.choice(_ARGUMENTS)
        wrong, right = self._draw.sample(_VALUES, 2)
        task = Task(self._draw.choice(_TASKS).format(subject), {})
        about = {"about": subject.removeprefix("the ")}
        failed = ToolResult(self._draw.choice(_ERRORS).format(name, wrong, right), error_kind="failed")
        mended = Called(tool, {**about, name: right}, ToolResult("done"))
        runs = [Run(f"n{self._count}", day, task, (Called(tool, {**about, name: wrong}, failed), mended))]
        if self._draw.random() < 0.4:
            runs += [Run(f"n{self._count}v{n}", day + timedelta(days=n), task, (mended,)) for n in (1, 2, 3)]
        return runs

    def _report(self, subject: str, day: date) -> Run:
        said = self._words(subject)
        task = Task(self._draw.choice(_TASKS).format(subject), {})
        words = {"title": said.trigger, **{name: getattr(said, name) for name in ("trigger", "wrong", "right", "why")}}
        return Run(f"n{self._count}", day, task, (Called("learn", words, ToolResult("noted")),))

    def _correction(self, subject: str, day: date) -> Learning:
        task = Task(subject, {})
        family = Family(
            f"noise {self._count}", "", "", {}, {}, {}, "", task, task, task, correction=self._words(subject)
        )
        learning = correction(family, day)
        assert learning is not None
        return learning

    def _words(self, subject: str) -> Correction:
        value, number = self._draw.choice(_VALUES), self._count
        return Correction(
            "person", f"working on {subject}", self._draw.choice(_SAID),
            f"begin with the folder {value} and list {number} for {subject}", "it takes half the time",
        )  # fmt: skip
