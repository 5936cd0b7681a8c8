"""Where files lie, and how they are written."""

from __future__ import annotations

from bench.learning.family import Correction, Family, Task, absent, starts

FAMILIES = (
    Family(
        "shared-notes-folder", "files", "files.read",
        where={"path": lambda path: "intel" in path}, wrong={"path": starts("intel/")},
        changes={"path": "shared-context/intel/competitors.md"},
        cue="shared-context/intel",
        reads_outside=True,
        says="intel/competitors.md is not there; what agents share lies in shared-context/",
        exposing=Task(
            "Add yesterday's price cuts to what we know about our competitors.", {"path": "intel/competitors.md"}
        ),
        paraphrase=Task(
            "Our file on the competition needs the new prices. Look at what it says first.",
            {"path": "intel/competitors.md"},
        ),
        near_miss=Task(
            "Add yesterday's price cuts to your own notes about the competitors.",
            {"path": "notes/competitors.md"},
            {"path": "shared-context/notes/competitors.md"},
        ),
    ),
    Family(
        "csv-separator", "files", "files.table",
        where={"path": lambda path: path.startswith("accounts/")}, wrong={"separator": ","},
        changes={"separator": ";"},
        cue='"separator": ";"',
        says="accounts tables have 1 column with this separator: the bookkeeping program exports them with ;",
        exposing=Task(
            "Total last month's invoices from the bookkeeping export.",
            {"path": "accounts/2026-10.csv", "separator": ","},
        ),
        later={"path": "accounts/2026-11.csv"},
        paraphrase=Task(
            "What did we invoice in October altogether? The export of the accounts has it.",
            {"path": "accounts/2026-10.csv", "separator": ","},
        ),
        near_miss=Task(
            "Total last month's orders from the web shop's export.",
            {"path": "shop/2026-10.csv", "separator": ","},
        ),
    ),
    Family(
        "latin-one-ledgers", "files", "files.read",
        where={"archive": "parish"}, wrong={"encoding": "utf-8"}, changes={"encoding": "latin-1"},
        cue="latin-1",
        reads_outside=True,
        says="byte 0xe4 is no utf-8: scans of the parish archive are stored as latin-1",
        exposing=Task(
            "Find when the Hägele family is first named in the parish registers.",
            {"archive": "parish", "path": "registers/1781.txt", "encoding": "utf-8"},
        ),
        later={"path": "registers/1794.txt"},
        paraphrase=Task(
            "Search the registers of the parish for the earliest mention of the name Hägele.",
            {"archive": "parish", "path": "registers/1760.txt", "encoding": "utf-8"},
        ),
        near_miss=Task(
            "Find when the Hägele family is first named in the town's council minutes.",
            {"archive": "town", "path": "minutes/1781.txt", "encoding": "utf-8"},
        ),
    ),
    Family(
        "append-to-the-log", "files", "files.write",
        where={"path": "logbook.md"}, wrong={"mode": "replace"}, changes={"mode": "append"},
        cue='"mode": "append"',
        error_kind="refused",
        says="logbook.md is append-only: write with mode append",
        exposing=Task(
            "Enter today's watch in the ship's logbook.",
            {"path": "logbook.md", "text": "08-12 calm, visibility good", "mode": "replace"},
        ),
        later={"text": "12-16 rain from the west"},
        paraphrase=Task(
            "Log the afternoon watch: wind four, sea slight.",
            {"path": "logbook.md", "text": "12-16 wind 4, sea slight", "mode": "replace"},
        ),
        near_miss=Task(
            "Enter today's watch on the board in the mess: only what holds now stands there.",
            {"path": "mess-board.md", "text": "08-12 calm, visibility good", "mode": "replace"},
        ),
    ),
    Family(
        "thumbnails-as-webp", "files", "images.resize",
        where={"use": "shop"}, wrong={"format": "png"}, changes={"format": "webp"},
        cue="webp",
        correction=Correction(
            "agent", "making pictures for the shop", "png, which the shop turned away as too large",
            "make them as webp", "png files were over the limit of 200 kB",
        ),
        exposing=Task(
            "Make small pictures of the new teapots for the shop.", {"use": "shop", "format": "png", "width": 400}
        ),
        paraphrase=Task(
            "The shop wants thumbnails of the autumn collection's pictures.",
            {"use": "shop", "format": "png", "width": 400},
        ),
        near_miss=Task(
            "Make small pictures of the new teapots for the printed catalogue.",
            {"use": "catalogue", "format": "png", "width": 400},
        ),
    ),
    Family(
        "backup-before-cleaning", "files", "files.remove",
        where={"folder": "exports"}, wrong={"keep": absent}, changes={"keep": 7},
        cue="keep 7",
        correction=Correction(
            "person", "cleaning up the exports", "removing all of them", "keep 7 of them, the latest",
            "the auditors ask for a week of exports",
        ),
        exposing=Task("Clean up the folder of exports, it has grown too large.", {"folder": "exports"}),
        paraphrase=Task("The exports take too much room again. Please do the cleaning.", {"folder": "exports"}),
        near_miss=Task("Clean up the folder of drafts, it has grown too large.", {"folder": "drafts"}),
    ),
)  # fmt: skip
