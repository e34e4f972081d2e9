"""Addresses of pages hold no secrets, whatever the variables have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.trackers.web_address import web_address


@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("https://host", "https://host/a%20b/c%2Fd"),
        ("http://host:8080/base/", "http://host:8080/base/a%20b/c%2Fd"),
        ("https://user:pass@host/x?token=1#part", "https://host/x/a%20b/c%2Fd"),
        ("https://a@b@host", "https://host/a%20b/c%2Fd"),
        (" https://host/ü ", "https://host/%C3%BC/a%20b/c%2Fd"),
        ("https://[::1]:80", "https://[::1]:80/a%20b/c%2Fd"),
        ("ftp://host", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://[host", None),
        ("https://host:port", None),
        ("https://ho st", None),
        ("host", None),
        ("", None),
        ("https://host/" + "x" * 2000, None),
    ],
)
def test_only_http_without_user_info_is_an_address(base: str, address: str | None) -> None:
    assert web_address(base, "a b", "c/d") == address


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_a_part_that_is_missing_or_leads_up_is_no_page(segment: str) -> None:
    assert web_address("https://host", "a", segment) is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_an_address_or_none(base: str, segment: str) -> None:
    for start in ("", "https://", "https://host/", "https://user@"):
        address = web_address(start + base, segment)

        if address is not None:
            assert address.startswith(("http://", "https://"))
            assert address.isprintable()
            assert len(address) <= 2000
            assert "@" not in address.split("/")[2]
