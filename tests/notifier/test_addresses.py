"""Which addresses are connected to, and which addresses of channels are taken."""

import pytest

from core.errors import RefusedValue
from notifier.addresses import host_refusal, refused_host
from notifier.channel_address import MESSAGE, WEBHOOK, checked_address, new_webhook_secret, shown_address

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    *("127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1"),
    *("::1", "fc00::1", "fd12:3456::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    *("192.0.2.1", "203.0.113.7", "2001:db8::1", "::127.0.0.1", "fec0::1", "::ffff:0:7f00:1", "2001:0:1::1"),
]
NEVER = [
    *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    *("0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"),  # noqa: S104
    *("2002:a9fe:a9fe::", "240.0.0.1", "::ffff:0:a9fe:a9fe", "1::1", "4000::1", "5f00::1", "somewhere", ""),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_connected_to(address: str) -> None:
    assert host_refusal(address, allow_private=False) is None
    assert host_refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_only_where_it_is_allowed(address: str) -> None:
    assert "SPENDGATE_NOTIFY_PRIVATE_ADDRESSES" in (host_refusal(address, allow_private=False) or "")
    assert host_refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("allow_private", [False, True])
def test_link_local_addresses_and_what_is_no_receiver_never(address: str, allow_private: bool) -> None:
    assert host_refusal(address, allow_private=allow_private) is not None


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"),
        *("2130706433", "127.1", "0x7f.1", "0177.0.0.1", "0x7F000001", "017700000001"),
    ],
)
def test_this_machine_is_refused_without_asking_for_names(host: str) -> None:
    assert refused_host(host, allow_private=False) is not None
    assert refused_host(host, allow_private=True) is None
    assert refused_host("hooks.example.org", allow_private=False) is None


@pytest.mark.parametrize(
    ("address", "kind", "shown"),
    [
        ("https://hooks.example.org", WEBHOOK, "https://hooks.example.org"),
        ("https://ann:secret@hooks.example.org:8443/T0/secret?key=secret", WEBHOOK, "https://hooks.example.org:8443/…"),
        ("https://bücher.example/x", WEBHOOK, "https://bücher.example/…"),
        ("https://a_b.Example.org./x", WEBHOOK, "https://a_b.example.org./…"),
        ("http://[2606:4700:4700::1111]/x", WEBHOOK, "http://[2606:4700:4700::1111]/…"),
        ("mailto://ann:secret@example.org?to=ads@example.org", MESSAGE, "mailto://ann:****@example.org/…"),
        ("json://hooks.example.org/secret", MESSAGE, "json://hooks.example.org/…"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ads", MESSAGE, "slack://T...2/…"),
    ],
)
def test_an_address_makes_a_kind_of_channel_and_is_shown_without_what_may_be_secret(
    address: str, kind: str, shown: str
) -> None:
    assert checked_address(address, allow_private=False) == kind
    assert shown_address(kind, address) == shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "is empty"),
        ("https://a b", "spaces"),
        (f"https://{'a' * 2000}", "longer than"),
        ("hooks.example.org", "has no scheme"),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("https://example.org:99999/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://example.org/#part", "behind #"),
        ("https://example.org:0/", "port 0"),
        ("https://example..org/", "cannot be one"),
        ("https://-/", "cannot be one"),
        (f"https://{'a' * 64}.org/", "cannot be one"),
        (f"https://{'a.' * 127}org/", "cannot be one"),
        ("https://ex%41mple.org/", "cannot be one"),
        ("https://xn--/", "cannot be one"),
        ("http://2130706433/", "private address"),
        ("http://127。0。0。1/", "private address"),
        ("http://①②⑦.1/", "private address"),
        ("http://127.0.0.1:8000/", "private address"),
        ("http://localhost/", "this machine"),
        ("http://169.254.169.254/latest", "link-local"),
        ("json://127.0.0.1/", "private address"),
        ("mailto://ann:pw@10.0.0.5?from=a@example.org&to=b@example.org", "private address"),
        ("syslog://", "does not take"),
        ("file:///etc/passwd", "does not take"),
        ("nothing://x", "does not take"),
        ("slack://", "does not take"),
    ],
)
def test_a_wrong_address_is_refused_with_a_sentence(address: str, words: str) -> None:
    with pytest.raises(RefusedValue, match=words) as refusal:
        checked_address(address, allow_private=False)
    assert str(refusal.value).endswith(".")


def test_a_secret_has_256_bits_and_is_new_each_time() -> None:
    assert new_webhook_secret() != new_webhook_secret()
    assert new_webhook_secret().startswith("whsec_")
