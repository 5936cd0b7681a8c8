"""What the operating system is told, so that it keeps the daemon up: a launchd plist, a systemd user unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_SYSTEMD = """\
# Save as ~/.config/systemd/user/agent-team-harness.service, then:
#   systemctl --user daemon-reload && systemctl --user enable --now agent-team-harness
#   loginctl enable-linger        keeps it up while you are logged out
[Unit]
Description=Agent team harness
# A crash loop costs one start in ten seconds and is never given up in silence.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
WorkingDirectory={root}
Environment={home}
Environment=PYTHONUNBUFFERED=1
Restart=on-failure
RestartSec=10
TimeoutStopSec=30
KillMode=mixed

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True, slots=True)
class Service:
    """The daemon as a service: all paths absolute. `harness` is the command and what must follow it."""

    harness: tuple[str, ...]
    root: Path
    state: Path


def launchd_plist(template: str, service: Service) -> str:
    """Return the template (`launchd/agent-team-harness.plist`) with its placeholders filled in."""
    command = "\n    ".join(f"<string>{escape(word)}</string>" for word in service.harness)
    return (
        template.replace("<string>{{HARNESS}}</string>", command)
        .replace("{{WORKSPACE}}", escape(str(service.root)))
        .replace("{{STATE}}", escape(str(service.state)))
    )


def systemd_unit(service: Service) -> str:
    """Return a systemd user unit; what systemd would expand or split is quoted."""
    words = (*service.harness, "up", "--workspace", str(service.root))
    return _SYSTEMD.format(
        command=" ".join(_quoted(word).replace("$", "$$") for word in words),
        root=str(service.root).replace("%", "%%"),
        home=_quoted(f"HARNESS_HOME={service.state}"),
    )


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
