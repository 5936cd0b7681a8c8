"""The options and arguments that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.completion import (
    complete_agent,
    complete_channel,
    complete_dead_letter,
    complete_happening,
    complete_job,
    complete_open_request,
    complete_profile,
    complete_question,
    complete_record,
    complete_request,
    complete_run,
    complete_skill,
)

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="The workspace; without it the nearest folder upwards with harness.toml.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]
AllOption = Annotated[bool, typer.Option("--all", help="Show housekeeping too, each fire on its own line.")]
AgentFilter = Annotated[
    str | None,
    typer.Option(
        "--agent", metavar="AGENT", help="Only this agent.", autocompletion=complete_agent, show_default=False
    ),
]
AgentArgument = Annotated[str, typer.Argument(metavar="AGENT", show_default=False, autocompletion=complete_agent)]
JobArgument = Annotated[str, typer.Argument(metavar="AGENT/JOB", show_default=False, autocompletion=complete_job)]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", show_default=False, autocompletion=complete_run)]
HappeningArgument = Annotated[
    str, typer.Argument(metavar="AGENT/JOB|RUN|REQUEST", show_default=False, autocompletion=complete_happening)
]
ProfileArgument = Annotated[str, typer.Argument(metavar="PROFILE", show_default=False, autocompletion=complete_profile)]
ChannelArgument = Annotated[str, typer.Argument(metavar="CHANNEL", show_default=False, autocompletion=complete_channel)]
SkillArgument = Annotated[str, typer.Argument(metavar="SKILL", show_default=False, autocompletion=complete_skill)]
RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", show_default=False, autocompletion=complete_request)]
OpenRequestArgument = Annotated[
    str, typer.Argument(metavar="REQUEST", show_default=False, autocompletion=complete_open_request)
]
QuestionArgument = Annotated[
    str, typer.Argument(metavar="REQUEST", show_default=False, autocompletion=complete_question)
]
DeadLetterArgument = Annotated[
    str, typer.Argument(metavar="REQUEST", show_default=False, autocompletion=complete_dead_letter)
]
RecordArgument = Annotated[str, typer.Argument(metavar="ID", show_default=False, autocompletion=complete_record)]
