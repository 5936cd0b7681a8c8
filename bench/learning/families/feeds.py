"""Which feeds there are, and how they are asked."""

from __future__ import annotations

from bench.learning.family import Correction, Family, Task, above, absent

FAMILIES = (
    Family(
        "list-name-not-url", "feeds", "feeds.read",
        where={"workspace": absent}, wrong={"list": "ai-news"}, changes={"list": "ai"},
        cue='"list": "ai"',
        says="there is no list ai-news; known are ai, chips, kettles",
        reads_outside=True,
        exposing=Task(
            "Collect what the AI feeds brought overnight and rank it for the morning digest.",
            {"list": "ai-news", "since_hours": 12},
        ),
        later={"since_hours": 24},
        paraphrase=Task(
            "Anything new on artificial intelligence since midnight? Go through our feeds.",
            {"list": "ai-news", "since_hours": 8},
        ),
        near_miss=Task(
            "Collect what the partners' ai-news wire brought overnight and rank it for the morning digest.",
            {"list": "ai-news", "since_hours": 12, "workspace": "partners"},
        ),
    ),
    Family(
        "too-long-a-window", "feeds", "feeds.read",
        where={"list": "chips"}, wrong={"since_hours": above(72)}, changes={"since_hours": 72},
        cue='"since_hours": 72',
        error_kind="invalid",
        says="since_hours: the list chips keeps 72 hours, and no more can be asked for",
        reads_outside=True,
        exposing=Task(
            "Write up what the chip makers announced in the past week.", {"list": "chips", "since_hours": 168}
        ),
        paraphrase=Task(
            "A look back at seven days of semiconductor announcements, from our feeds.",
            {"list": "chips", "since_hours": 168},
        ),
        near_miss=Task(
            "Write up what the kettle makers announced in the past week.", {"list": "kettles", "since_hours": 168}
        ),
    ),
    Family(
        "german-feed-dates", "feeds", "feeds.parse",
        where={"source": "bundesbank"}, wrong={"date_format": "%m/%d/%Y"}, changes={"date_format": "%d.%m.%Y"},
        cue="%d.%m.%Y",
        says="37 entries of bundesbank have no day: 21.11.2026 does not match the format",
        exposing=Task(
            "Sort the Bundesbank's press releases by day and name the three latest.",
            {"source": "bundesbank", "date_format": "%m/%d/%Y"},
        ),
        paraphrase=Task(
            "What has the Bundesbank published most recently? Newest first.",
            {"source": "bundesbank", "date_format": "%m/%d/%Y"},
        ),
        near_miss=Task(
            "Sort the Federal Reserve's press releases by day and name the three latest.",
            {"source": "federal-reserve", "date_format": "%m/%d/%Y"},
        ),
    ),
    Family(
        "podcast-enclosures", "feeds", "feeds.items",
        where={"list": "podcasts"}, wrong={"link": "page"}, changes={"link": "enclosure"},
        cue="enclosure",
        correction=Correction(
            "agent", "listing podcast episodes", "the link of the episode's page",
            "take the link of the enclosure, which plays at once", "the pages ask for a login",
        ),
        exposing=Task(
            "Suggest three podcast episodes for the drive home, with a link that plays.",
            {"list": "podcasts", "link": "page", "limit": 3},
        ),
        paraphrase=Task(
            "Which podcasts should I listen to on the train tonight? Episodes under an hour.",
            {"list": "podcasts", "link": "page", "limit": 5},
        ),
        near_miss=Task(
            "Suggest three newsletters for the drive home, with a link that opens.",
            {"list": "newsletters", "link": "page", "limit": 3},
        ),
    ),
    Family(
        "preprint-category", "feeds", "arxiv.search",
        where={"archive": "cs"}, wrong={"category": "AI"}, changes={"category": "cs.AI"},
        cue="cs.AI",
        says="AI is no category; those of computer science are written cs.AI, cs.LG, cs.CL",
        reads_outside=True,
        exposing=Task(
            "Find this week's preprints about planning with language models.",
            {"archive": "cs", "category": "AI", "query": "planning language model"},
        ),
        later={"query": "long horizon planning agents"},
        paraphrase=Task(
            "New papers on how language models plan: what came out on arXiv?",
            {"archive": "cs", "category": "AI", "query": "LLM planner"},
        ),
        near_miss=Task(
            "Find this week's theses about planning with language models in the university's repository.",
            {"archive": "theses", "category": "AI", "query": "planning language model"},
        ),
    ),
    Family(
        "duplicate-wire-stories", "feeds", "feeds.items",
        where={"counts_copies": absent}, wrong={"dedupe": absent}, changes={"dedupe": "title"},
        cue="dedupe",
        correction=Correction(
            "person", "summing up the wires of agencies", "each agency's copy of a story",
            "dedupe by title: agencies send the same story", "the digest had one story four times",
        ),
        exposing=Task(
            "Sum up what the news agencies' wires sent since noon.", {"list": "wires", "limit": 30}
        ),
        paraphrase=Task(
            "Summary of the afternoon's agency wires, please.", {"list": "wires", "limit": 30}
        ),
        near_miss=Task(
            "Count how many agencies carried the story about the ferry since noon.",
            {"list": "wires", "limit": 30},
            facts={"counts_copies": True},
        ),
    ),
)  # fmt: skip
