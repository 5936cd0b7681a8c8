"""Which network addresses the harness may connect to: a pure decision over one address."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from harness.domain.settings import Egress

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Spelled out instead of asked of `ipaddress`: what `is_private` and `is_global` cover differs between Python
# 3.11, 3.12 and 3.13, and neither knows that an IPv6 address can carry an IPv4 address to another network.
# The first network that contains the address names the reason, so narrow ones stand before wide ones.
_SPECIAL: Sequence[tuple[str, str]] = (
    ("127.0.0.0/8", "loopback"),
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("172.16.0.0/12", "private"),
    ("192.168.0.0/16", "private"),
    ("169.254.0.0/16", "link-local"),
    ("100.64.0.0/10", "shared by carrier NAT"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "reserved for documentation"),
    ("198.51.100.0/24", "reserved for documentation"),
    ("203.0.113.0/24", "reserved for documentation"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("198.18.0.0/15", "reserved for benchmarks"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "an IPv4 address mapped into IPv6"),
    ("::ffff:0:0:0/96", "an IPv4 address translated into IPv6"),
    ("::/96", "an IPv4 address inside an IPv6 address"),
    ("64:ff9b::/96", "a NAT64 translation"),
    ("64:ff9b:1::/48", "a NAT64 translation"),
    ("2001::/32", "a Teredo tunnel"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "reserved for documentation"),
    ("2002::/16", "a 6to4 tunnel"),
    ("3fff::/20", "reserved for documentation"),
    ("fc00::/7", "private"),
    ("fec0::/10", "private"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_LAST_32_BITS = tuple(
    IPv6Network(text) for text in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")


def refuse_address(text: str, allow: Egress) -> str | None:
    """Return why the address must not be connected to, or None if it may.

    Public addresses may; loopback and other special ranges only where `allow` grants them. An address that
    carries an IPv4 address inside is judged by both, so that granting a translation range does not grant
    what lies behind it.
    Raises ValueError if the text is no IP address.
    """
    address = ip_address(text)
    reason = None if _is_granted(address, allow) else _special_kind(address)
    if reason is not None:
        return f"{address} is {reason}"
    inner = _embedded_ipv4(address)
    if inner is not None and not _is_granted(inner, allow) and (reason := _special_kind(inner)) is not None:
        return f"{address} leads to {inner}, which is {reason}"
    return None


def refuse_host(host: str, allow: Egress) -> str | None:
    """Return why a host as it stands in an address must not be connected to, or None if nothing speaks against it.

    Other names than `localhost` are known only when they are resolved; then `refuse_address` judges them.
    """
    try:
        return refuse_address("127.0.0.1" if host.casefold() == "localhost" else host, allow)
    except ValueError:
        return None


def _special_kind(address: Address) -> str | None:
    for text, kind in _SPECIAL:
        network = ip_network(text)
        if address.version == network.version and address in network:
            return kind
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return "reserved"
    return None


def _is_granted(address: Address, allow: Egress) -> bool:
    # Only the two forms that every machine calls its own: 0.0.0.0 and ::ffff:127.0.0.1 reach it as well, but
    # nobody who grants loopback means them.
    is_loopback = address == IPv6Address("::1") or (isinstance(address, IPv4Address) and address.is_loopback)
    if allow.loopback and is_loopback:
        return True
    granted = (ip_network(text, strict=False) for text in allow.networks)
    return any(address.version == network.version and address in network for network in granted)


def _embedded_ipv4(address: Address) -> IPv4Address | None:
    if not isinstance(address, IPv6Address) or address == IPv6Address("::1") or address == IPv6Address("::"):
        return None
    if any(address in network for network in _LAST_32_BITS):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address((int(address) >> 80) & 0xFFFF_FFFF)
    if address in _TEREDO:
        return IPv4Address(~int(address) & 0xFFFF_FFFF)
    return None
