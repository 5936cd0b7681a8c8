"""Days, weeks and appointments."""

from __future__ import annotations

from bench.learning.family import Correction, Family, Task, absent, ends

FAMILIES = (
    Family(
        "end-is-exclusive", "calendars", "calendar.events",
        where={"calendar": "school"}, wrong={"until": ends("-18")}, changes={"until": "2026-12-19"},
        cue="2026-12-19",
        says="the school calendar counts until as the first day that is left out: Friday is missing from the answer",
        exposing=Task(
            "What happens at school until Friday the 18th, that day included?",
            {"calendar": "school", "since": "2026-12-14", "until": "2026-12-18"},
        ),
        paraphrase=Task(
            "List the school's events of the week that ends on December 18.",
            {"calendar": "school", "since": "2026-12-14", "until": "2026-12-18"},
        ),
        near_miss=Task(
            "What happens at the choir until Friday the 18th, that day included?",
            {"calendar": "choir", "since": "2026-12-14", "until": "2026-12-18"},
        ),
    ),
    Family(
        "iso-week-name", "calendars", "calendar.week",
        where={"plan": "factory"}, wrong={"week": lambda week: isinstance(week, int)},
        changes={"week": "2026-W48"},
        cue="W48",
        error_kind="invalid",
        says="week: the factory plan names weeks by ISO 8601, such as 2026-W48",
        exposing=Task(
            "Which lines stand still in the factory in week 48?", {"plan": "factory", "week": 48}
        ),
        paraphrase=Task(
            "Calendar week 48: are any of the factory's lines planned to stop?", {"plan": "factory", "week": 48}
        ),
        near_miss=Task(
            "Which courses does the academy give in week 48?", {"plan": "academy", "week": 48}
        ),
    ),
    Family(
        "public-holidays-by-state", "calendars", "calendar.holidays",
        where={"country": "DE"}, wrong={"region": absent}, changes={"region": "BW"},
        cue="BW",
        says="holidays in DE differ by region: name one, such as BW or BY",
        exposing=Task(
            "Are the shops open on Epiphany? Check the German holidays for the plant in Stuttgart.",
            {"country": "DE", "year": 2027},
        ),
        later={"year": 2028},
        paraphrase=Task(
            "Does Stuttgart work on January 6? Look at the holidays of Germany.", {"country": "DE", "year": 2027}
        ),
        near_miss=Task(
            "Are the shops open on Epiphany? Check the Swedish holidays for the plant in Lund.",
            {"country": "SE", "year": 2027},
        ),
    ),
    Family(
        "invite-by-address", "calendars", "calendar.invite",
        where={"guests": "outside"}, wrong={"by": "name"}, changes={"by": "address"},
        cue='"by": "address"',
        says="guests from outside are not in the directory: invite them by address",
        exposing=Task(
            "Invite the two lawyers of the other side to Thursday's call.",
            {"guests": "outside", "by": "name", "event": "call"},
        ),
        later={"event": "hearing"},
        paraphrase=Task(
            "Set up the call on Thursday with opposing counsel; both lawyers have to be asked.",
            {"guests": "outside", "by": "name", "event": "call"},
        ),
        near_miss=Task(
            "Invite our two lawyers to Thursday's call.", {"guests": "staff", "by": "name", "event": "call"}
        ),
    ),
    Family(
        "no-meetings-on-wednesdays", "calendars", "calendar.book",
        where={"with": "Miriam"}, wrong={"weekday": "wednesday"}, changes={"weekday": "thursday"},
        cue="thursday",
        correction=Correction(
            "person", "booking a meeting with Miriam", "wednesday, which is in her calendar as free",
            "take thursday: Miriam is with her children on wednesday", "",
        ),
        exposing=Task(
            "Book half an hour with Miriam about the lease this week.", {"with": "Miriam", "weekday": "wednesday"}
        ),
        paraphrase=Task(
            "I want to talk to Miriam for an hour; book the meeting, please.",
            {"with": "Miriam", "weekday": "wednesday"},
        ),
        near_miss=Task(
            "Book half an hour with Jonas about the lease this week.", {"with": "Jonas", "weekday": "wednesday"}
        ),
    ),
)  # fmt: skip
