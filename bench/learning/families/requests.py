"""Work that is handed on, and skills that are used."""

from __future__ import annotations

from bench.learning.family import Correction, Family, Task, absent

FAMILIES = (
    Family(
        "due-time-with-zone", "requests and skills", "ask",
        where={"agent": "zoe"}, wrong={"due": "17:00"}, changes={"due": "2026-11-23T17:00+01:00"},
        cue="T17:00+01:00",
        error_kind="invalid",
        says="due: zoe takes a day and a time with its offset, such as 2026-11-21T17:00+01:00",
        exposing=Task(
            "Have zoe check the translation by five.", {"agent": "zoe", "due": "17:00", "task": "check it"}
        ),
        paraphrase=Task(
            "zoe should go over the translated text, and be done at 17:00.",
            {"agent": "zoe", "due": "17:00", "task": "proofread"},
        ),
        near_miss=Task(
            "Have the print shop make the flyers by five.",
            {"agent": "print-shop", "due": "17:00", "task": "print flyers"},
        ),
    ),
    Family(
        "one-question-each", "requests and skills", "ask",
        where={"agent": "legal"}, wrong={"evidence": absent}, changes={"evidence": "contract.md"},
        cue='"evidence": "contract.md"',
        says="legal turned the request down: it takes none without evidence, a file that it can read",
        exposing=Task(
            "Ask legal whether the supplier may raise its prices in the middle of the year.",
            {"agent": "legal", "task": "may they raise prices"},
        ),
        later={"task": "may they raise prices now"},
        paraphrase=Task(
            "Is the supplier's price increase lawful? Have legal answer that.",
            {"agent": "legal", "task": "is the increase lawful"},
        ),
        near_miss=Task(
            "Ask purchasing whether the supplier may raise its prices in the middle of the year.",
            {"agent": "purchasing", "task": "may they raise prices"},
        ),
    ),
    Family(
        "skill-by-folder-name", "requests and skills", "use_skill",
        where={"source": "team"}, wrong={"name": "Rank Items"}, changes={"name": "rank-items"},
        cue="rank-items",
        says="no skill Rank Items; skills of the team are called by their folder, such as rank-items",
        exposing=Task(
            "Rank the week's papers with our own skill for that.", {"source": "team", "name": "Rank Items"}
        ),
        paraphrase=Task(
            "Order the papers of the week, the way the team's skill says.", {"source": "team", "name": "Rank Items"}
        ),
        near_miss=Task(
            "Rank the week's papers with the skill of that name from the vendor's market.",
            {"source": "market", "name": "Rank Items"},
        ),
    ),
    Family(
        "ticket-priority-words", "requests and skills", "tickets.open",
        where={"queue": "facilities"}, wrong={"priority": 1}, changes={"priority": "urgent"},
        cue="urgent",
        error_kind="invalid",
        says="priority: facilities takes urgent, normal or whenever",
        exposing=Task(
            "The lift is stuck between floors: open a ticket at once.", {"queue": "facilities", "priority": 1}
        ),
        paraphrase=Task(
            "Somebody has to look at the lift immediately, it does not move. Report it to facilities.",
            {"queue": "facilities", "priority": 1},
        ),
        near_miss=Task(
            "The build server is stuck: open a ticket at once.", {"queue": "software", "priority": 1}
        ),
    ),
    Family(
        "copy-the-works-council", "requests and skills", "requests.send",
        where={"about": "shifts"}, wrong={"copy": absent}, changes={"copy": "works council"},
        cue="works council",
        correction=Correction(
            "person", "asking anybody to change shifts", "sending it to the foreman alone",
            "send a copy to the works council", "shifts are theirs to agree to",
        ),
        exposing=Task(
            "Ask the foreman to change the shifts over Christmas.", {"about": "shifts", "to": "foreman"}
        ),
        paraphrase=Task(
            "The night shifts in week 52 have to change; ask whoever plans them.",
            {"about": "shifts", "to": "planner"},
        ),
        near_miss=Task(
            "Ask the foreman to change the locks over Christmas.", {"about": "locks", "to": "foreman"}
        ),
    ),
)  # fmt: skip
