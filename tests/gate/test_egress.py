"""The door to the network, against real servers on loopback."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.domain.errors import LimitReached, Refused, TransientError
from harness.domain.settings import Egress
from harness.gate.egress import SystemResolver, WebDoor
from harness.ports import Resolver, WebResponse
from harness.testing.web_server import HostTable, WebReply, WebServer

LOOPBACK = Egress(loopback=True)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as running:
        yield running


def fetch(
    url: str,
    *,
    allow: Egress = LOOPBACK,
    resolver: Resolver | None = None,
    max_bytes: int = 100_000,
    timeout_s: float = 10.0,
    headers: dict[str, str] | None = None,
    method: str = "GET",
    tls: ssl.SSLContext | None = None,
) -> WebResponse:
    door = WebDoor(allow, resolver or SystemResolver(), tls=tls)
    return asyncio.run(door.get(url, max_bytes=max_bytes, timeout_s=timeout_s, headers=headers, method=method))


def test_a_page_comes_back_with_status_headers_and_body(server: WebServer) -> None:
    url = server.serve("/feed?a=1", WebReply(b"<rss/>", headers={"X-Thing": "yes"}))

    response = fetch(url)

    assert (response.status, response.body, response.url) == (200, b"<rss/>", url)
    assert response.headers["x-thing"] == "yes"


def test_an_error_status_is_a_response(server: WebServer) -> None:
    assert fetch(server.url("/missing")).status == 404


def test_the_request_says_the_host_name_while_the_connection_goes_to_the_checked_address(server: WebServer) -> None:
    server.serve("/", b"here")
    hosts = HostTable({"feeds.test": ("127.0.0.1", server.port)})

    response = fetch("http://feeds.test/", resolver=hosts)

    assert response.url == "http://feeds.test/"
    assert server.requests[0].headers["host"] == "feeds.test"


def test_a_callers_host_header_and_encoding_do_not_reach_the_server(server: WebServer) -> None:
    url = server.serve("/", b"here")

    fetch(url, headers={"Host": "internal.test", "Accept-Encoding": "br", "If-None-Match": '"1"'})

    seen = server.requests[0].headers
    assert (seen["host"], seen["accept-encoding"]) == (f"127.0.0.1:{server.port}", "gzip")
    assert seen["if-none-match"] == '"1"'


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x", "file:///etc/passwd", "gopher://x/", "data:text/plain,x", "example.com/feed", "//x/y",
        "", "http://", "http://user:secret@example.com/", "http://example.com:99999/", "http://exa\r\nmple.com/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused_without_asking_a_resolver(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        fetch(url, resolver=HostTable({}))
    assert refusal.value.rule == "egress"


def test_a_refusal_never_repeats_the_password_of_the_url() -> None:
    with pytest.raises(Refused) as refusal:
        fetch("http://user:hunter2@example.com/")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_method_that_could_change_something_is_refused(server: WebServer, method: str) -> None:
    with pytest.raises(Refused):
        fetch(server.url(), method=method)
    assert server.requests == ()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.1.1", "::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
)
def test_a_name_that_resolves_to_a_special_address_is_refused(server: WebServer, address: str) -> None:
    hosts = HostTable({"public.test": (address, server.port)})

    with pytest.raises(Refused, match=r"public\.test"):
        fetch("http://public.test/", allow=Egress(), resolver=hosts)
    assert server.requests == ()


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:7f00:1]", "localhost"])
def test_other_spellings_of_loopback_are_refused_like_the_usual_one(server: WebServer, host: str) -> None:
    with pytest.raises((Refused, TransientError)):  # where the system does not know the spelling, it resolves nothing
        fetch(f"http://{host}:{server.port}/", allow=Egress())
    assert server.requests == ()


def test_one_forbidden_address_among_public_ones_refuses_the_name(server: WebServer) -> None:
    hosts = HostTable({"rebinding.test": [("127.0.0.1", server.port), ("10.0.0.1", 80)]})

    with pytest.raises(Refused, match=r"10\.0\.0\.1 is private"):
        fetch("http://rebinding.test/", resolver=hosts)
    assert server.requests == ()


class Rebinding:
    """Answers the first question with one address and every further one with another."""

    def __init__(self, *answers: tuple[str, int]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


def test_the_checked_address_is_connected_to_and_the_name_is_not_asked_for_again(server: WebServer) -> None:
    server.serve("/", b"the checked one")
    resolver = Rebinding(("127.0.0.1", server.port), ("169.254.169.254", 80))

    assert fetch("http://rebinding.test/", resolver=resolver).body == b"the checked one"
    assert len(resolver.answers) == 1


def test_the_next_address_is_tried_where_the_first_takes_no_connection(server: WebServer) -> None:
    server.serve("/", b"second")
    with WebServer() as closed:
        dead_port = closed.port
    hosts = HostTable({"two.test": [("127.0.0.1", dead_port), ("127.0.0.1", server.port)]})

    assert fetch("http://two.test/", resolver=hosts).body == b"second"


def test_redirects_are_followed_and_the_last_address_is_told(server: WebServer) -> None:
    server.redirect("/a", "/b", 301)
    server.redirect("/b", "c?x=1", 307)
    server.serve("/c?x=1", b"arrived")

    response = fetch(server.url("/a"))

    assert (response.body, response.url) == (b"arrived", server.url("/c?x=1"))


def test_a_redirect_to_the_metadata_address_is_refused(server: WebServer) -> None:
    server.redirect("/feed", "http://169.254.169.254/latest/meta-data/")

    with pytest.raises(Refused, match="link-local"):
        fetch(server.url("/feed"))


def test_a_redirect_to_a_name_that_resolves_to_a_private_address_is_refused(server: WebServer) -> None:
    server.redirect("/feed", "http://inside.test/")
    hosts = HostTable({"outside.test": ("127.0.0.1", server.port), "inside.test": ("192.168.0.1", 80)})

    with pytest.raises(Refused, match=r"inside\.test: 192\.168\.0\.1 is private"):
        fetch("http://outside.test/feed", resolver=hosts)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/", "http://u:p@127.0.0.1/", "http://[::1"])
def test_a_redirect_to_what_is_no_plain_web_address_is_refused(server: WebServer, location: str) -> None:
    server.redirect("/feed", location)

    with pytest.raises(Refused):
        fetch(server.url("/feed"))


def test_a_sixth_redirect_is_not_followed(server: WebServer) -> None:
    for step in range(6):
        server.redirect(f"/{step}", f"/{step + 1}")
    server.serve("/6", b"too far")

    with pytest.raises(Refused, match="5 redirects"):
        fetch(server.url("/0"))
    assert server.count("/5") == 1
    assert server.count("/6") == 0
    assert fetch(server.url("/1")).body == b"too far"


def test_credentials_in_headers_do_not_follow_a_redirect_to_another_host(server: WebServer) -> None:
    with WebServer() as other:
        other.serve("/", b"caught")
        server.redirect("/out", other.url("/"))
        server.redirect("/stay", "/in")
        server.serve("/in", b"kept")
        secret = {"Authorization": "Bearer s", "Cookie": "c", "X-Plain": "p"}

        fetch(server.url("/out"), headers=secret)
        fetch(server.url("/stay"), headers=secret)

        assert "authorization" not in other.requests[0].headers
        assert "cookie" not in other.requests[0].headers
        assert other.requests[0].headers["x-plain"] == "p"
        assert server.requests[-1].headers["authorization"] == "Bearer s"


def test_a_body_over_the_cap_is_refused_by_its_announced_length(server: WebServer) -> None:
    url = server.serve("/big", b"x" * 1001)

    with pytest.raises(LimitReached) as limit:
        fetch(url, max_bytes=1000)
    assert limit.value.limit == "bytes"
    assert len(fetch(url, max_bytes=1001).body) == 1001


def test_a_body_without_a_length_is_cut_off_at_the_cap_and_not_read_to_its_end(server: WebServer) -> None:
    with pytest.raises(LimitReached):
        fetch(server.flood("/flood", 10_000_000_000), max_bytes=200_000)


def test_gzip_is_undone(server: WebServer) -> None:
    body = b"<rss>" + b"word " * 1000
    url = server.serve("/", WebReply(gzip.compress(body), headers={"Content-Encoding": "gzip"}))

    assert fetch(url, max_bytes=len(body)).body == body


def test_a_gzip_bomb_is_stopped_at_the_cap(server: WebServer) -> None:
    with pytest.raises(LimitReached):
        fetch(server.gzip_bomb("/bomb", 50_000_000), max_bytes=100_000)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (gzip.compress(b"x" * 5000)[:-9], "cut off"),
        (b"not gzip at all", "broken"),
        (gzip.compress(b"one") + b"\0" * 100, "goes on after its end"),
    ],
    ids=["cut", "no-gzip", "more-after-the-end"],
)
def test_damaged_gzip_data_is_named(server: WebServer, body: bytes, words: str) -> None:
    url = server.serve("/", WebReply(body, headers={"Content-Encoding": "gzip"}))

    with pytest.raises(TransientError, match=words):
        fetch(url)


def test_an_encoding_that_was_not_asked_for_is_named(server: WebServer) -> None:
    url = server.serve("/", WebReply(b"...", headers={"Content-Encoding": "br"}))

    with pytest.raises(TransientError, match="not asked for: br"):
        fetch(url)


def test_a_server_that_sends_a_byte_now_and_then_is_left_after_the_timeout(server: WebServer) -> None:
    with pytest.raises(TransientError, match=r"0\.3 s"):
        fetch(server.drip("/drip", interval_s=0.02), timeout_s=0.3)


def test_a_server_that_never_answers_is_left_after_the_timeout(server: WebServer) -> None:
    with pytest.raises(TransientError, match=r"0\.3 s"):
        fetch(server.silence("/mute"), timeout_s=0.3)


def test_a_chain_of_slow_redirects_shares_one_timeout(server: WebServer) -> None:
    server.redirect("/a", "/mute")
    server.silence("/mute")

    with pytest.raises(TransientError, match=r"0\.3 s"):
        fetch(server.url("/a"), timeout_s=0.3)


def test_a_connection_that_is_cut_in_the_middle_is_a_failure_and_not_a_short_body(server: WebServer) -> None:
    with pytest.raises(TransientError, match="connection to 127"):
        fetch(server.cut("/cut", b"<rss><channel>"))


def test_a_port_on_which_nobody_listens_is_a_transient_failure() -> None:
    with WebServer() as closed:
        url = closed.url()
    with pytest.raises(TransientError, match="no connection to"):
        fetch(url)


def test_a_name_that_cannot_be_resolved_is_a_transient_failure() -> None:
    with pytest.raises(TransientError, match=r"nowhere\.invalid could not be resolved"):
        fetch("http://nowhere.invalid/")


@pytest.mark.parametrize("host", ["a" * 70 + ".test", "..", "%00.test"])
def test_a_name_that_is_none_is_a_failure_in_words(host: str) -> None:
    with pytest.raises((TransientError, Refused)):
        fetch(f"http://{host}/")


def test_head_asks_for_no_body(server: WebServer) -> None:
    url = server.serve("/big", b"x" * 500_000)

    response = fetch(url, method="HEAD", max_bytes=1000)

    assert (response.status, response.body) == (200, b"")
    assert server.requests[0].method == "HEAD"


def test_proxies_from_the_environment_are_not_used(server: WebServer) -> None:
    url = server.serve("/", b"direct")
    program = (
        "import asyncio, sys\n"
        "from harness.domain.settings import Egress\n"
        "from harness.gate.egress import SystemResolver, WebDoor\n"
        "door = WebDoor(Egress(loopback=True), SystemResolver())\n"
        "print(asyncio.run(door.get(sys.argv[1], max_bytes=100, timeout_s=10)).body)\n"
    )
    root = Path(__file__).parents[2]
    proxies = {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }

    done = subprocess.run(
        [sys.executable, "-c", program, url],
        env={"PYTHONPATH": str(root), **proxies},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.strip() == "b'direct'", done.stderr


def test_one_door_serves_several_event_loops_and_many_calls_at_once(server: WebServer) -> None:
    url = server.serve("/", b"here")
    door = WebDoor(LOOPBACK, SystemResolver())

    async def ask_at_once() -> list[WebResponse]:
        return await asyncio.gather(*(door.get(url, max_bytes=100, timeout_s=10) for _ in range(20)))

    assert {response.body for _ in range(2) for response in asyncio.run(ask_at_once())} == {b"here"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and key for the name feeds.test, valid from now on for two days."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificate to test with")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=feeds.test",
            "-addext", "subjectAltName=DNS:feeds.test", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def secure_server(certificate: Path) -> Iterator[WebServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with WebServer(tls=context) as running:
        yield running


def test_the_certificate_is_verified_for_the_host_name_and_not_for_the_address(
    secure_server: WebServer, certificate: Path
) -> None:
    secure_server.serve("/", b"secret")
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    here = ("127.0.0.1", secure_server.port)
    hosts = HostTable({"feeds.test": here, "other.test": here})

    assert fetch("https://feeds.test/", resolver=hosts, tls=trust).body == b"secret"
    with pytest.raises(TransientError, match="certificate"):
        fetch("https://other.test/", resolver=hosts, tls=trust)
    with pytest.raises(TransientError, match="certificate"):  # nobody vouches for it
        fetch("https://feeds.test/", resolver=hosts)


def test_a_redirect_from_https_to_plain_http_is_refused(secure_server: WebServer, certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    hosts = HostTable({"feeds.test": ("127.0.0.1", secure_server.port)})
    secure_server.redirect("/", "http://feeds.test/")

    with pytest.raises(Refused, match="plain http"):
        fetch("https://feeds.test/", resolver=hosts, tls=trust)
