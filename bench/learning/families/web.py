"""Pages on the web, and how they are read."""

from __future__ import annotations

from bench.learning.family import Correction, Family, Task, absent, contains, starts

FAMILIES = (
    Family(
        "mobile-host-refuses", "web reading", "web.read",
        where={"url": contains("ferrydesk.example")}, wrong={"url": starts("https://m.")},
        changes={"url": "https://www.ferrydesk.example/timetable"},
        cue="www.ferrydesk.example",
        says="HTTP 403 from m.ferrydesk.example: this host serves phones only",
        reads_outside=True,
        exposing=Task(
            "Read the ferry company's timetable page and say when the last boat leaves.",
            {"url": "https://m.ferrydesk.example/timetable"},
        ),
        paraphrase=Task(
            "When does the last ferry go tonight? It is on the company's site.",
            {"url": "https://m.ferrydesk.example/timetable"},
        ),
        near_miss=Task(
            "Read the bus company's timetable page and say when the last bus leaves.",
            {"url": "https://m.busdesk.example/timetable"},
            {"url": "https://www.busdesk.example/timetable"},
        ),
    ),
    Family(
        "regulator-needs-print-view", "web reading", "web.read",
        where={"url": contains("regulator.example")}, wrong={"view": absent}, changes={"view": "print"},
        cue='"view": "print"',
        says="the page is empty without scripts; regulator.example has the text in its print view",
        reads_outside=True,
        exposing=Task(
            "Summarise the regulator's decision on roaming charges from its own page.",
            {"url": "https://regulator.example/decisions/roaming"},
        ),
        later={"url": "https://regulator.example/decisions/number-porting"},
        paraphrase=Task(
            "What did the regulator decide about roaming? Quote its announcement.",
            {"url": "https://regulator.example/decisions/roaming"},
        ),
        near_miss=Task(
            "Summarise the ministry's answer on roaming charges from its own page.",
            {"url": "https://ministry.example/answers/roaming"},
        ),
    ),
    Family(
        "pdf-needs-own-reader", "web reading", "web.fetch",
        where={"kind": "annual report"}, wrong={"as": "html"}, changes={"as": "pdf"},
        cue='"as": "pdf"',
        says="an annual report of this site is application/pdf and cannot be read as html",
        exposing=Task(
            "Get the headcount from Siemens' annual report.",
            {"company": "Siemens", "kind": "annual report", "as": "html"},
        ),
        later={"company": "Bosch"},
        paraphrase=Task(
            "How many people work at Siemens, according to its report for the year?",
            {"company": "Siemens", "kind": "annual report", "as": "html"},
        ),
        near_miss=Task(
            "Get the headcount from Siemens' careers page.",
            {"company": "Siemens", "kind": "careers page", "as": "html"},
        ),
    ),
    Family(
        "search-quotes", "web reading", "web.search",
        where={"engine": "court"}, wrong={"exact": False}, changes={"exact": True},
        cue='"exact": true',
        says="the court's register takes whole case numbers only: ask with exact",
        exposing=Task(
            "Look up what became of case C-311/18 in the court's register.",
            {"engine": "court", "query": "C-311/18", "exact": False},
        ),
        later={"query": "C-252/21"},
        paraphrase=Task(
            "How did the court rule in C-131/12? Use the register, not the press.",
            {"engine": "court", "query": "C-131/12", "exact": False},
        ),
        near_miss=Task(
            "Look up what newspapers wrote about case C-311/18.",
            {"engine": "press", "query": "C-311/18", "exact": False},
        ),
    ),
    Family(
        "archived-copy-paywall", "web reading", "web.read",
        where={"url": contains("dailyledger.example")}, wrong={"via": absent}, changes={"via": "library"},
        cue="via library",
        correction=Correction(
            "person", "reading an article of the Daily Ledger", "opening its page",
            "read it via library: we have a licence there", "the page ends after two sentences",
        ),
        exposing=Task(
            "Give me the gist of the Daily Ledger's article on the harbour strike.",
            {"url": "https://dailyledger.example/harbour-strike"},
        ),
        later={"url": "https://dailyledger.example/dockers-vote"},
        paraphrase=Task(
            "What does the Daily Ledger say about the dockers? One paragraph on their article.",
            {"url": "https://dailyledger.example/dockers"},
        ),
        near_miss=Task(
            "Give me the gist of the Harbour Courier's article on the strike.",
            {"url": "https://harbourcourier.example/strike"},
        ),
    ),
)  # fmt: skip
