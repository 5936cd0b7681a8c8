"""How results are sent, and in which form."""

from __future__ import annotations

from bench.learning.family import Correction, Family, Task, starts

FAMILIES = (
    Family(
        "chat-has-no-tables", "delivery format", "deliver.send",
        where={"channel": "messenger"}, wrong={"form": "table"}, changes={"form": "list"},
        cue='"form": "list"',
        says="messenger shows no table: send a list",
        exposing=Task(
            "Send the standings of the league to the family's messenger group.",
            {"channel": "messenger", "form": "table"},
        ),
        paraphrase=Task(
            "Post how the league stands in our family chat.", {"channel": "messenger", "form": "table"}
        ),
        near_miss=Task(
            "Send the standings of the league to the family by mail.", {"channel": "mail", "form": "table"}
        ),
    ),
    Family(
        "topic-with-hash", "delivery format", "deliver.post",
        where={"channel": "forum"}, wrong={"topic": starts("release")}, changes={"topic": "#release-notes"},
        cue="#release-notes",
        says="no topic release-notes in the forum: its topics begin with #",
        exposing=Task(
            "Post the release notes of version 4 in the forum.", {"channel": "forum", "topic": "release-notes"}
        ),
        paraphrase=Task(
            "The forum's readers wait for what is new in version 5. Put it there.",
            {"channel": "forum", "topic": "release-notes"},
        ),
        near_miss=Task(
            "Post the release notes of version 4 on the blog.", {"channel": "blog", "topic": "release-notes"}
        ),
    ),
    Family(
        "attachment-limit", "delivery format", "deliver.mail",
        where={"to": "notary"}, wrong={"attach": "inline"}, changes={"attach": "link"},
        cue='"attach": "link"',
        says="552 the notary's server takes no attachment above 5 MB: send a link",
        exposing=Task(
            "Mail the scanned deeds to the notary.", {"to": "notary", "attach": "inline", "file": "deeds.pdf"}
        ),
        later={"file": "mortgage.pdf"},
        paraphrase=Task(
            "The notary asks for the deeds; the scans are done, so mail them over.",
            {"to": "notary", "attach": "inline", "file": "deeds.pdf"},
        ),
        near_miss=Task(
            "Mail the scanned deeds to the archive.", {"to": "archive", "attach": "inline", "file": "deeds.pdf"}
        ),
    ),
    Family(
        "decimal-comma", "delivery format", "report.render",
        where={"reader": "tax office"}, wrong={"decimal": "."}, changes={"decimal": ","},
        cue="decimal comma",
        correction=Correction(
            "person", "figures for the tax office", "a decimal point",
            "write them with a decimal comma", "the form read 1.250 as a thousand",
        ),
        exposing=Task(
            "Render last quarter's figures for the tax office.", {"reader": "tax office", "decimal": "."}
        ),
        paraphrase=Task(
            "The tax office wants our figures of the quarter.", {"reader": "tax office", "decimal": "."}
        ),
        near_miss=Task(
            "Render last quarter's figures for the investors in Boston.", {"reader": "investors", "decimal": "."}
        ),
    ),
    Family(
        "formal-address", "delivery format", "letter.write",
        where={"to": "landlord"}, wrong={"tone": "casual"}, changes={"tone": "formal"},
        cue="formal",
        correction=Correction(
            "person", "writing to the landlord", "first names and a casual tone",
            "write a formal letter with title and surname", "",
        ),
        exposing=Task(
            "Write to the landlord that the heating is broken again.", {"to": "landlord", "tone": "casual"}
        ),
        paraphrase=Task(
            "The boiler stopped working. Let the landlord know in writing.", {"to": "landlord", "tone": "casual"}
        ),
        near_miss=Task(
            "Write to the neighbours that the heating is broken again.", {"to": "neighbours", "tone": "casual"}
        ),
    ),
    Family(
        "quiet-channel-at-night", "delivery format", "deliver.alert",
        where={"severity": "low"}, wrong={"route": "pager"}, changes={"route": "inbox"},
        cue="inbox",
        error_kind="refused",
        says="the pager takes no alert of severity low: use the inbox",
        exposing=Task(
            "Tell the operators that a certificate runs out in six weeks.", {"severity": "low", "route": "pager"}
        ),
        paraphrase=Task(
            "One of the certificates will expire next month; the operators should hear of it.",
            {"severity": "low", "route": "pager"},
        ),
        near_miss=Task(
            "Tell the operators that a certificate runs out in an hour.", {"severity": "high", "route": "pager"}
        ),
    ),
)  # fmt: skip
