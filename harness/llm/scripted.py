"""A model that answers from a file of the workspace: for tests, and for rehearsals of one's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from harness.domain.cause import profile_cause
from harness.domain.errors import OwnerError
from harness.domain.message import ModelReply, ModelRequest
from harness.domain.settings import Profile
from harness.llm.endpoint import SETTINGS_FILE
from harness.llm.plausible import plausible_usage
from harness.llm.script_file import call_number, line_for, read_script


class ScriptedFileModel:
    """A ChatModel that says what the profile's `script` says.

    What it says depends on the request alone: the first entry whose `when` stands in what it was last told, else as
    many entries without a `when` further down as the run has asked a model before. So a run that crashed goes on in
    the script where it was. Calls outside of a run count for themselves. The file is read at each call.
    """

    is_language_model = True

    def __init__(self, profile: Profile, root: Path) -> None:
        self._profile = profile
        self._root = root
        self._calls_outside = 0

    @property
    def label(self) -> str:
        """The name that the profile gives as its model, else that of the file."""
        return self._profile.model or self._profile.script

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the entry that is due.

        Raises OwnerError with file and line if the script cannot be read or has no further entry.
        """
        path = self._profile.script
        lines = read_script(path, await asyncio.to_thread(self._text))
        line = line_for(lines, request, self._number(request))
        if line is None:
            raise OwnerError(
                path,
                lines[-1].line if lines else 1,
                f"the script has no answer to call {self._number(request)} of the run",
                "add an entry with its text or its calls",
                cause=profile_cause(self._profile.name),
                failure="rejected",
            )
        if not request.key:
            self._calls_outside += 1
        usage = plausible_usage(None, request, self._profile, line.text, line.calls).usage
        return ModelReply(
            line.text, self.label, line.calls, line.usage or usage, line.finish, profile=self._profile.name
        )

    def _number(self, request: ModelRequest) -> int:
        return call_number(request) or self._calls_outside + 1

    def _text(self) -> str:
        try:
            return (self._root / self._profile.script).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise OwnerError(
                SETTINGS_FILE,
                None,
                f"profile {self._profile.name!r} plays {self._profile.script}, which cannot be read: {error}",
                "correct script in that profile, or write the file",
                cause=profile_cause(self._profile.name),
                failure="rejected",
            ) from None
