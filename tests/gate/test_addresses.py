"""Which addresses may be connected to."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.settings import Egress
from harness.gate.addresses import refuse_address, refuse_host

NOTHING = Egress()
LOOPBACK = Egress(loopback=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111"])
def test_public_addresses_are_let_through(address: str) -> None:
    assert refuse_address(address, NOTHING) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("fd00::1", "private"),
        ("fec0::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("100.64.0.1", "carrier NAT"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("192.0.0.8", "reserved"),
        ("198.51.100.7", "documentation"),
        ("198.18.0.1", "benchmarks"),
        ("::ffff:127.0.0.1", "mapped"),
        ("::ffff:8.8.8.8", "mapped"),
        ("::127.0.0.1", "an IPv4 address inside"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b:1::a00:1", "NAT64"),
        ("2002:7f00:1::", "6to4"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
        ("2001:db8::1", "documentation"),
        ("4000::1", "reserved"),
    ],
)
def test_special_addresses_are_refused_with_their_kind(address: str, reason: str) -> None:
    assert reason in (refuse_address(address, NOTHING) or "let through")


def test_granted_loopback_is_what_every_machine_calls_its_own_and_no_other_way_to_it() -> None:
    assert refuse_address("127.0.0.1", LOOPBACK) is None
    assert refuse_address("::1", LOOPBACK) is None
    for way in ("0.0.0.0", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "10.0.0.1", "169.254.169.254"):
        assert refuse_address(way, LOOPBACK) is not None, way


def test_a_granted_network_is_let_through_and_its_neighbour_is_not() -> None:
    allow = Egress(networks=("192.168.7.0/24", "fd12::/16"))

    assert refuse_address("192.168.7.20", allow) is None
    assert refuse_address("fd12::9", allow) is None
    assert refuse_address("192.168.8.20", allow) is not None
    assert refuse_address("fd13::9", allow) is not None


def test_granting_a_translation_range_does_not_grant_what_lies_behind_it() -> None:
    allow = Egress(networks=("64:ff9b::/96", "2002::/16", "::ffff:0:0/96"))

    assert refuse_address("64:ff9b::808:808", allow) is None
    assert "127.0.0.1, which is loopback" in (refuse_address("64:ff9b::7f00:1", allow) or "")
    assert "10.0.0.1, which is private" in (refuse_address("2002:a00:1::", allow) or "")
    assert "169.254.169.254" in (refuse_address("::ffff:169.254.169.254", allow) or "")


def test_what_is_no_address_is_an_error_and_not_let_through() -> None:
    with pytest.raises(ValueError, match="localhost"):
        refuse_address("localhost", NOTHING)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_that_python_calls_special_is_let_through(address: IPv4Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved or address.is_loopback:
        assert refuse_address(str(address), NOTHING) is not None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_not_reached_by_writing_it_into_an_ipv6_address(address: IPv4Address) -> None:
    number = int(address)
    for disguised in (
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x0064_FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x2001_0000 << 96) | (number ^ 0xFFFF_FFFF)),
    ):
        assert refuse_address(str(disguised), LOOPBACK) is not None


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("localhost", "127.0.0.1 is loopback"),
        ("LocalHost", "127.0.0.1 is loopback"),
        ("::1", "::1 is loopback"),
        ("10.1.2.3", "10.1.2.3 is private"),
        ("8.8.8.8", None),
        ("example.org", None),
    ],
)
def test_host_is_judged_by_its_text_as_far_as_that_goes(host: str, reason: str | None) -> None:
    assert refuse_host(host, NOTHING) == reason
    if reason and "loopback" in reason:
        assert refuse_host(host, LOOPBACK) is None
