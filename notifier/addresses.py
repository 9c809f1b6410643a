"""Which addresses of the network a delivery may connect to. Pure: it is asked with the address that is connected to,
after names were resolved."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

__all__ = ["address_refusal", "host_refusal", "refused_host"]

_Address: TypeAlias = IPv4Address | IPv6Address

#: What clouds answer credentials from, also where private addresses are allowed.
_METADATA: Final = frozenset(map(ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")))
#: An address of IPv4 in the last four bytes.
_WITH_IPV4: Final = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))
#: All that is given out for receivers; addresses of sites, which are out of use, lead into the own network.
_GLOBAL_IPV6: Final = ip_network("2000::/3")
_SITE_IPV6: Final = ip_network("fec0::/10")
_NUMBERS: Final = re.compile(r"[0-9a-fx.]+", re.ASCII)
_IPV4_BITS: Final = 0xFFFF_FFFF
_ALLOW: Final = "set SPENDGATE_NOTIFY_PRIVATE_ADDRESSES=true where receivers lie in your own network"


def refused_host(host: str, *, allow_private: bool) -> str | None:
    """The refusal of a host that needs no name service to be refused: an address, or a name of this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return None if allow_private else f"{host} is this machine: {_ALLOW}"
    address = _parsed(name) or _old_ipv4(name)
    return None if address is None else address_refusal(address, allow_private=allow_private)


def host_refusal(address: str, *, allow_private: bool) -> str | None:
    """Why no connection may go to this address, which is written as the system names it; None when it may."""
    found = _parsed(address)
    if found is None:
        return f"{address} is no address"
    return address_refusal(found, allow_private=allow_private)


def address_refusal(address: _Address, *, allow_private: bool) -> str | None:
    """The refusal of an address as `host_refusal` gives it. An IPv6 address that leads to an IPv4 one is judged by the
    latter."""
    inner = _inside(address)
    if inner is not None:
        return address_refusal(inner, allow_private=allow_private)
    if address in _METADATA or address.is_link_local:
        return f"{address} is link-local or a cloud's own: no delivery goes there"
    # Beside what is private: loopback, shared and reserved addresses. `is_global` has exceptions that no receiver has.
    private = address.is_private or not address.is_global or address in _SITE_IPV6
    unused = address.is_reserved if isinstance(address, IPv4Address) else not private and address not in _GLOBAL_IPV6
    if address.is_unspecified or address.is_multicast or unused:
        return f"{address} is the address of no receiver"
    if private and not allow_private:
        return f"{address} is a private address: {_ALLOW}"
    return None


def _parsed(text: str) -> _Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _old_ipv4(text: str) -> IPv4Address | None:
    """An address in one of the forms that the system takes beside four decimal numbers: 127.1, 0x7f000001."""
    if _NUMBERS.fullmatch(text) is None:
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def _inside(address: _Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.is_loopback or address.is_unspecified:
        return None
    if any(address in network for network in _WITH_IPV4):
        return IPv4Address(int(address) & _IPV4_BITS)
    return None
