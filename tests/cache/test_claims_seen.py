"""What was read of claims is remembered; a torn or foreign line never becomes an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cache.claims_seen import ClaimsSeen
from gitmodel.domain.digest import digest_of

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = digest_of(b"one"), digest_of(b"two")


def test_owners_and_the_greatest_number_are_remembered_for_their_scope(tmp_path: Path) -> None:
    seen = ClaimsSeen(str(tmp_path), "shop")
    assert seen.greatest("fraud") == 0
    for number in (3, 7, 5):
        seen.see_all([("fraud", number, ONE)])
    seen.see_all([("team/fraud", 2, TWO)])

    again = ClaimsSeen(str(tmp_path), "shop")
    assert again.greatest("fraud") == 7
    assert again.owners("fraud") == {3: ONE.hex, 5: ONE.hex, 7: ONE.hex}
    assert again.owners("team/fraud") == {2: TWO.hex}
    assert ClaimsSeen(str(tmp_path), "other").greatest("fraud") == 0


def test_the_claim_that_was_read_last_counts(tmp_path: Path) -> None:
    seen, other = ClaimsSeen(str(tmp_path), "shop"), ClaimsSeen(str(tmp_path), "shop")
    seen.see_all([("fraud", 2, ONE)])
    assert other.owners("fraud") == {2: ONE.hex}
    seen.see_all([("fraud", 2, TWO)])

    assert other.owners("fraud") == seen.owners("fraud") == {2: TWO.hex}


def test_a_torn_line_or_garbage_is_ignored(tmp_path: Path) -> None:
    seen = ClaimsSeen(str(tmp_path), "shop")
    seen.see_all([("fraud", 7, ONE)])
    (path,) = (tmp_path / "claims").iterdir()
    digits = ONE.hex.encode()
    with open(path, "ab") as stream:
        stream.write(b"\xff\xfe\n9 fraud\n-3 " + digits + b" fraud\n9 " + digits[:-1] + b" fraud\n")
        stream.write(b"9" * 5000 + b" " + digits + b" fraud\n99 " + digits + b" fraud")

    assert ClaimsSeen(str(tmp_path), "shop").owners("fraud") == {7: ONE.hex}
    seen.see_all([("fraud", 8, ONE)])
    assert ClaimsSeen(str(tmp_path), "shop").owners("fraud") == {7: ONE.hex, 8: ONE.hex}


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    seen = ClaimsSeen(str(tmp_path), "shop")
    for _ in range(100):
        seen.see_all([("fraud", 7, ONE)])
    (path,) = (tmp_path / "claims").iterdir()

    assert path.read_text() == f"7 {ONE.hex} fraud\n"
