"""What the operating system is told, so that it keeps the daemon up and checks it: launchd plists, systemd units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_DAEMON_UNIT = """\
# Save as ~/.config/systemd/user/agent-team-harness.service, then:
#   systemctl --user daemon-reload && systemctl --user enable --now agent-team-harness
#   loginctl enable-linger        keeps it up while you are logged out
[Unit]
Description=Agent team harness
# A crash loop costs one start in ten seconds and is never given up in silence.
StartLimitIntervalSec=0

[Service]
# The daemon says itself when it is ready, and that it goes on. It ends itself after two minutes of a
# hanging event loop, with the reason in its log; systemd is there for a process that cannot even do that.
Type=notify
WatchdogSec={watchdog_s}
TimeoutStartSec={start_s}
TimeoutStopSec={stop_s}
ExecStart={command}
WorkingDirectory={root}
Environment={home}
Environment=HARNESS_SERVICE=systemd
Environment=PYTHONUNBUFFERED=1
Restart=on-failure
RestartSec=10
KillMode=mixed

[Install]
WantedBy=default.target
"""
_CHECK_UNIT = """\
# The check that does not trust the daemon. Save as ~/.config/systemd/user/agent-team-harness-check.service;
# what starts it every five minutes: harness service print check-timer
[Unit]
Description=Is the agent team overdue?

[Service]
Type=oneshot
ExecStart={command}
WorkingDirectory={root}
Environment={home}
TimeoutStartSec=120
"""
_CHECK_TIMER = """\
# Save as ~/.config/systemd/user/agent-team-harness-check.timer, then:
#   systemctl --user daemon-reload && systemctl --user enable --now agent-team-harness-check.timer
[Unit]
Description=Every five minutes: is the agent team overdue?

[Timer]
OnCalendar=*:0/5
AccuracySec=30

[Install]
WantedBy=timers.target
"""
WATCHDOG_S = 150
"""Longer than the daemon's own patience: where it can still tell what it hangs in, it does."""
START_S = 300
"""To make up for what a long absence left."""
_STOP_MARGIN_S = 15
"""For parking what has not ended, and for closing."""

# "$@" is the check. What it says goes to the system's log and, where there is a desktop, onto the screen.
_TELL = {
    "systemd": (
        'said=$("$@" 2>&1) && exit 0; logger -p user.err -t agent-team-harness -- "$said"; '
        'notify-send -u critical "Agent team" "$said" 2>/dev/null; printf "%s\\n" "$said"; exit 1'
    ),
    "launchd": (
        'said=$("$@" 2>&1) && exit 0; logger -p user.err -t agent-team-harness -- "$said"; '
        "osascript -e 'on run argv' -e 'display notification (item 1 of argv) with title \"Agent team\"'"
        ' -e \'end run\' -- "$said" 2>/dev/null; printf "%s\\n" "$said"; exit 1'
    ),
}


@dataclass(frozen=True, slots=True)
class Service:
    """The daemon as a service: all paths absolute. `harness` is the command and what must follow it.

    `drain_s` is how long runs in flight may go on when it is told to stop.
    """

    harness: tuple[str, ...]
    root: Path
    state: Path
    drain_s: int = 20

    @property
    def stop_s(self) -> int:
        """How long the daemon may take to stop before it is killed, in seconds."""
        return self.drain_s + _STOP_MARGIN_S

    @property
    def check(self) -> tuple[str, ...]:
        """The command that says whether anything is overdue."""
        return (*self.harness, "doctor", "--overdue", "--workspace", str(self.root))


def launchd_plist(template: str, service: Service) -> str:
    """Return the template (`launchd/agent-team-harness.plist`) with its placeholders filled in."""
    return _filled(template, service, service.harness)


def launchd_check_plist(template: str, service: Service) -> str:
    """Return the template (`launchd/agent-team-harness-check.plist`) with its placeholders filled in."""
    return _filled(template, service, ("/bin/sh", "-c", _TELL["launchd"], "sh", *service.check))


def systemd_unit(service: Service) -> str:
    """Return the daemon's systemd user unit; what systemd would expand or split is quoted."""
    return _DAEMON_UNIT.format(
        command=_command((*service.harness, "up", "--workspace", str(service.root))),
        watchdog_s=WATCHDOG_S,
        start_s=START_S,
        stop_s=service.stop_s,
        **_places(service),
    )


def systemd_check_unit(service: Service) -> str:
    """Return the systemd user unit that checks once whether anything is overdue, and tells."""
    words = ("/bin/sh", "-c", _TELL["systemd"], "sh", *service.check)
    return _CHECK_UNIT.format(command=_command(words), **_places(service))


def systemd_check_timer() -> str:
    """Return the systemd user timer that starts the check every five minutes."""
    return _CHECK_TIMER


def _filled(template: str, service: Service, words: Sequence[str]) -> str:
    command = "\n    ".join(f"<string>{escape(word)}</string>" for word in words)
    return (
        template.replace("<string>{{HARNESS}}</string>", command)
        .replace("{{WORKSPACE}}", escape(str(service.root)))
        .replace("{{STATE}}", escape(str(service.state)))
        .replace("<string>{{STOP_S}}</string>", f"<integer>{service.stop_s}</integer>")
    )


def _places(service: Service) -> dict[str, str]:
    return {
        "root": str(service.root).replace("%", "%%"),
        "home": _quoted(f"HARNESS_HOME={service.state}"),
    }


def _command(words: Sequence[str]) -> str:
    return " ".join(_quoted(word).replace("$", "$$") for word in words)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
