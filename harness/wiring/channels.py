"""The channels of harness.toml, each opened by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from harness.delivery.channels import Channel, FileChannel, StdoutChannel
from harness.domain.settings import Settings
from harness.store.state_folder import StateFolder


def open_channels(state: StateFolder, out: TextIO, settings: Settings) -> Mapping[str, Channel]:
    """Return the channels by name; `out` is where those print that print."""
    made: dict[str, Channel] = {}
    for name, channel in settings.channels.items():
        match channel.kind:
            case "file":
                made[name] = FileChannel(name, state.root / channel.folder)
            case "stdout":
                made[name] = StdoutChannel(name, out)
    return made
