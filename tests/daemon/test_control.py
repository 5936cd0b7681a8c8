"""The control socket, spoken to over real sockets by the real client."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from harness.daemon.control import ControlServer, Handler, clear_stale_socket
from harness.daemon.control_client import DaemonSilent, NoDaemon, ask, ask_lines, socket_address
from harness.domain.errors import HarnessError, OwnerError, Refused, TransientError
from harness.store.state_folder import StateFolder

Answer = dict[str, Any]


def private_state(tmp_path: Path, name: str = "s") -> StateFolder:
    state = StateFolder(tmp_path / name)
    state.create()
    return state


def while_serving(
    state: StateFolder, handlers: dict[str, Handler], client: Callable[[], Any], *, alive_every_s: float = 5.0
) -> Any:
    """Run the blocking client in a thread beside a server with these handlers."""

    async def both() -> Any:
        server = ControlServer(state.control_socket, handlers, alive_every_s=alive_every_s)
        await server.start()
        try:
            return await asyncio.to_thread(client)
        finally:
            await server.close()

    return asyncio.run(both())


async def ping(_request: Answer) -> Answer:
    return {"pid": 42}


async def never() -> Answer:
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    return await future


def failing(error: Exception) -> Callable[[Answer], Awaitable[Answer]]:
    async def fail(_request: Answer) -> Answer:
        raise error

    return fail


def test_answer_reaches_the_client_and_is_marked_as_the_last(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    assert while_serving(state, {"ping": ping}, lambda: ask(state, "ping", 5)) == {"pid": 42, "done": True}


def test_handler_is_given_the_arguments_of_the_request(tmp_path: Path) -> None:
    async def echo(request: Answer) -> Answer:
        return {"got": request}

    state = private_state(tmp_path)
    answer = while_serving(state, {"run": echo}, lambda: ask(state, "run", 5, job="ainews/arxiv", inputs={"a": "ü"}))
    assert answer["got"] == {"job": "ainews/arxiv", "inputs": {"a": "ü"}}


def test_progress_is_sent_before_the_work_has_ended(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    first_line_seen = asyncio.Event()

    async def run(_request: Answer) -> AsyncIterator[Answer]:
        yield {"progress": "collecting"}
        await first_line_seen.wait()  # only the client's reading of the first line lets this go on
        yield {"state": "delivered", "done": True}

    async def scenario() -> list[Answer]:
        server = ControlServer(state.control_socket, {"run": run})
        await server.start()
        loop = asyncio.get_running_loop()
        lines: list[Answer] = []

        def client() -> None:
            for line in ask_lines(state, "run", 5):
                lines.append(line)
                loop.call_soon_threadsafe(first_line_seen.set)

        try:
            await asyncio.to_thread(client)
        finally:
            await server.close()
        return lines

    assert asyncio.run(scenario()) == [{"progress": "collecting"}, {"state": "delivered", "done": True}]


def test_daemon_at_work_says_that_it_is_alive_until_the_answer_is_there(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    may_finish = asyncio.Event()

    async def run(_request: Answer) -> Answer:
        await may_finish.wait()
        return {"state": "delivered"}

    async def finish(_request: Answer) -> Answer:
        may_finish.set()
        return {}

    def client() -> list[Answer]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(state.control_socket))
            connection.sendall(b'{"command": "run"}\n')
            with connection.makefile("rb") as answers:
                first = json.loads(answers.readline())
                ask(state, "finish", 5)
                return [first, *(json.loads(line) for line in answers)]

    lines = while_serving(state, {"run": run, "finish": finish}, client, alive_every_s=0.01)
    assert lines[0] == {"alive": True}
    assert lines[-1] == {"state": "delivered", "done": True}


def test_signs_of_life_are_not_answers(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(state.control_socket))
        listener.listen()
        lines = ask_lines(state, "run", 5)
        with ThreadPoolExecutor() as pool:
            answers = pool.submit(list, lines)
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b'{"alive": true}\n{"alive": true}\n{"state": "silent", "done": true}\n')
                assert answers.result(5) == [{"state": "silent", "done": True}]


def test_silent_daemon_is_told_from_an_absent_one(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    with pytest.raises(NoDaemon, match="harness up"):
        ask(state, "ping", 1)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(state.control_socket))
        mute.listen()
        with pytest.raises(DaemonSilent, match="not answered"):
            ask(state, "ping", 0.05)


def test_daemon_that_dies_in_the_middle_of_its_answer_is_told_as_such(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, ThreadPoolExecutor() as pool:
        listener.bind(str(state.control_socket))
        listener.listen()

        def answer_half() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b'{"pid": 4')

        answered = pool.submit(answer_half)
        with pytest.raises(DaemonSilent, match="closed the connection before it had answered"):
            ask(state, "ping", 5.0)
        answered.result()


def test_socket_of_a_dead_daemon_means_no_daemon_and_is_replaced(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(state.control_socket))
    with pytest.raises(NoDaemon):
        ask(state, "ping", 1)
    assert while_serving(state, {"ping": ping}, lambda: ask(state, "ping", 5))["pid"] == 42


def test_second_daemon_is_refused_while_the_first_answers(tmp_path: Path) -> None:
    state = private_state(tmp_path)

    def start_second() -> None:
        asyncio.run(ControlServer(state.control_socket, {}).start())

    with pytest.raises(OwnerError, match="harness down"):
        while_serving(state, {"ping": ping}, start_second)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue looks like an absent daemon")
def test_socket_of_a_daemon_that_is_too_busy_to_answer_is_not_taken_for_a_dead_ones(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    with ExitStack() as opened:
        listener = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(str(state.control_socket))
        listener.listen(0)
        _fill_the_queue(state.control_socket, opened)
        with pytest.raises(OwnerError, match="another daemon of this workspace is running"):
            clear_stale_socket(state.control_socket)
    assert state.control_socket.is_socket()


def test_socket_that_cannot_be_reached_is_not_taken_for_an_absent_daemon(tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to("state")
    with pytest.raises(OwnerError, match="cannot be reached"):
        ask(StateFolder(tmp_path / "state"), "ping", timeout_s=1)


def _fill_the_queue(path: Path, opened: ExitStack) -> None:
    while True:
        caller = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        caller.setblocking(False)
        try:
            caller.connect(str(path))
        except BlockingIOError:
            return


def test_file_in_the_way_of_the_socket_is_not_deleted(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    state.control_socket.write_text("precious")
    with pytest.raises(OwnerError, match="no socket"):
        asyncio.run(ControlServer(state.control_socket, {}).start())
    assert state.control_socket.read_text() == "precious"


def test_socket_is_its_owners_alone_and_gone_after_close(tmp_path: Path) -> None:
    state = private_state(tmp_path)

    def modes() -> tuple[int, int]:
        address = socket_address(state.control_socket)
        return stat.S_IMODE(address.stat().st_mode), stat.S_IMODE(address.parent.stat().st_mode)

    assert while_serving(state, {}, modes) == (0o600, 0o700)
    assert not state.control_socket.exists()


@pytest.mark.parametrize("name", ["x" * 120, "ü" * 60])
def test_path_too_long_for_a_socket_still_gets_a_private_one(tmp_path: Path, name: str) -> None:
    state = private_state(tmp_path, name)
    address: list[Path] = []

    def client() -> Answer:
        address.append(socket_address(state.control_socket))
        return ask(state, "ping", 5)

    assert while_serving(state, {"ping": ping}, client)["pid"] == 42
    assert len(str(address[0]).encode()) <= 103
    assert not address[0].parent.exists()
    assert not state.control_socket.is_symlink()


def test_long_path_left_by_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    state = private_state(tmp_path, "x" * 120)
    state.control_socket.symlink_to(tmp_path / "gone" / "control.sock")
    assert while_serving(state, {"ping": ping}, lambda: ask(state, "ping", 5))["pid"] == 42


def test_folder_that_others_may_enter_does_not_hold_the_socket(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    state.root.chmod(0o755)
    parent_mode = while_serving(
        state, {}, lambda: stat.S_IMODE(socket_address(state.control_socket).parent.stat().st_mode)
    )
    assert parent_mode == 0o700


@pytest.mark.parametrize(
    "error",
    [
        OwnerError("agents/a/jobs/b.md", 3, "hour 25 is out of range", "use 0-23"),
        TransientError("locked"),
        Refused("egress", "10.0.0.1 is private"),
        HarnessError("no job 'x'"),
    ],
)
def test_error_of_a_handler_is_raised_again_at_the_client(tmp_path: Path, error: HarnessError) -> None:
    state = private_state(tmp_path)
    with pytest.raises(type(error)) as caught:
        while_serving(state, {"run": failing(error)}, lambda: ask(state, "run", 5))
    assert str(caught.value) == str(error)


def test_bug_in_a_handler_is_told_to_the_client_and_the_daemon_goes_on(tmp_path: Path) -> None:
    state = private_state(tmp_path)

    def client() -> Answer:
        with pytest.raises(HarnessError, match="ZeroDivisionError"):
            ask(state, "run", 5)
        return ask(state, "ping", 5)

    handlers: dict[str, Handler] = {"run": failing(ZeroDivisionError("division by zero")), "ping": ping}
    assert while_serving(state, handlers, client)["pid"] == 42


def test_unknown_command_names_the_one_that_was_meant(tmp_path: Path) -> None:
    state = private_state(tmp_path)
    with pytest.raises(HarnessError, match="did you mean ping"):
        while_serving(state, {"ping": ping}, lambda: ask(state, "pign", 5))


@pytest.mark.parametrize("request_bytes", [b"not json\n", b"[1]\n", b"x" * 1_100_000 + b"\n"])
def test_malformed_request_is_answered_with_an_error(tmp_path: Path, request_bytes: bytes) -> None:
    state = private_state(tmp_path)

    def client() -> Answer:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(state.control_socket))
            with suppress(BrokenPipeError):  # a request that is too long is not read to its end
                connection.sendall(request_bytes)
            with connection.makefile("rb") as answers:
                answer: Answer = json.loads(answers.readline())
                return answer

    assert "request" in while_serving(state, {}, client)["error"]["message"]


def test_work_nobody_waits_for_any_more_is_cancelled(tmp_path: Path) -> None:
    state = private_state(tmp_path)

    async def scenario() -> None:
        cancelled = asyncio.Event()

        async def endless(_request: Answer) -> Answer:
            try:
                return await never()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        server = ControlServer(state.control_socket, {"run": endless})
        await server.start()
        _reader, writer = await asyncio.open_unix_connection(str(state.control_socket))
        writer.write(b'{"command": "run"}\n')
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.wait_for(cancelled.wait(), 5)
        await server.close()

    asyncio.run(scenario())


def test_close_ends_conversations_that_are_under_way(tmp_path: Path) -> None:
    state = private_state(tmp_path)

    async def scenario() -> bytes:
        started = asyncio.Event()

        async def endless(_request: Answer) -> Answer:
            started.set()
            return await never()

        server = ControlServer(state.control_socket, {"run": endless})
        await server.start()
        reader, writer = await asyncio.open_unix_connection(str(state.control_socket))
        writer.write(b'{"command": "run"}\n')
        await started.wait()
        await asyncio.wait_for(server.close(), 5)
        rest = await reader.read()
        writer.close()
        await writer.wait_closed()
        return rest

    assert asyncio.run(scenario()) == b""
