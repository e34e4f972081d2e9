from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.digest import Digest, FileHasher, ListedFile, digest_of, folder_digest
from gitmodel.errors import GitmodelError, PointerError, UnsafePathError
from tests.support import strategies

# Of the official test vectors of BLAKE3: the empty input and one byte 0.
EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
ZERO = "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"
PINNED = "66004ca74953acdaa844f1407a20b56a26ce1998113814ebbdef9c4e8ec6be8f"
PINNED_EMPTY = "3f2947bae00a3de1f170c8ae3afb7e4182474d151bd56486b9d9edfd458156a4"


def test_a_digest_is_blake3() -> None:
    assert digest_of(b"") == Digest(EMPTY)
    assert digest_of(b"\0") == Digest(ZERO)
    assert digest_of(memoryview(bytearray(b"\0"))) == Digest(ZERO)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 21) + 7])
def test_threads_do_not_change_a_digest(size: int) -> None:
    data = b"fraud" * (size // 5 + 1)
    expected = blake3(data[:size], max_threads=1).hexdigest()

    assert digest_of(data[:size]).hex == expected
    hasher = FileHasher()
    hasher.update(memoryview(data)[:size])
    assert hasher.result().hex == expected


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_a_file_may_arrive_in_any_pieces(pieces: list[bytes]) -> None:
    hasher = FileHasher()
    for piece in pieces:
        hasher.update(piece)

    assert hasher.result() == digest_of(b"".join(pieces))


@given(strategies.digests)
def test_a_digest_reads_back(digest: Digest) -> None:
    assert Digest.parse(str(digest)) == digest
    assert Digest.from_hex(digest.hex) == digest
    assert str(digest) == f"blake3:{digest.hex}"
    assert digest.short == digest.hex[:12]


def test_digests_are_ordered_and_hashable() -> None:
    assert Digest(ZERO) < Digest(EMPTY)
    assert len({Digest(ZERO), Digest(ZERO), Digest(EMPTY)}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "", "blake3:", EMPTY, f"blake3:{EMPTY[:-1]}", f"blake3:{EMPTY}0", f"blake3:{EMPTY.upper()}",
        f"BLAKE3:{EMPTY}", f"sha256:{EMPTY}", f"blake3: {EMPTY}", f" blake3:{EMPTY}", f"blake3:{EMPTY}\n",
        f"blake3:{EMPTY}\0", "blake3:../../../etc/passwd", f"blake3:../{EMPTY[3:]}", f"blake3:{'g' * 64}",
        f"blake3:{EMPTY[:-1]}\u0661", f"blake3:{EMPTY[:-1]}\uff11", f"blake3:{EMPTY[:32]}/{EMPTY[33:]}",
        f"blake3-{EMPTY}", f"blake3:{EMPTY[:-1]}\ud800", f"blake3:0x{EMPTY[2:]}", f"blake3:{EMPTY}:{EMPTY}",
    ],
)  # fmt: skip
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(PointerError):
        Digest.parse(text)
    with pytest.raises(PointerError):
        Digest.from_hex(text.removeprefix("blake3:") if text != EMPTY else text[1:])


def listed(path: str, content: bytes = b"") -> ListedFile:
    return ListedFile(path, len(content), digest_of(content))


def test_the_digest_of_a_folder_is_that_of_its_listing() -> None:
    files = [listed("b/x.bin", b"\0"), listed("a.json"), listed("b-y")]
    state = blake3(derive_key_context="gitmodel 2026 folder v1")
    # "-" sorts before "/".
    state.update(f"a.json\0{0}\0{EMPTY}\nb-y\0{0}\0{EMPTY}\nb/x.bin\0{1}\0{ZERO}\n".encode())

    assert folder_digest(files) == Digest(state.hexdigest())


def test_the_digest_of_a_folder_is_pinned() -> None:
    """The format is frozen: another digest here means another format."""
    files = [
        listed("config.json", b"{}"),
        listed("modèle.safetensors", b"weights"),
        listed("\U0001f600", b"x"),
        listed("\uff5e"),
    ]

    assert folder_digest(files).hex == PINNED
    assert folder_digest([]).hex == PINNED_EMPTY


@given(st.lists(strategies.listed_files, max_size=6), st.randoms(use_true_random=False))
def test_the_digest_of_a_folder_ignores_the_order_of_its_listing(
    files: list[ListedFile], random: object
) -> None:
    shuffled = files[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    try:
        expected = folder_digest(files)
    except UnsafePathError:
        with pytest.raises(UnsafePathError):
            folder_digest(shuffled)
        return
    assert folder_digest(iter(shuffled)) == expected


@given(strategies.listed_files, strategies.listed_files)
def test_two_folders_have_two_digests(one: ListedFile, other: ListedFile) -> None:
    assert (folder_digest([one]) == folder_digest([other])) == (one == other)
    assert folder_digest([one]) not in {one.digest, folder_digest([])}


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"], ["a", "A"], ["a\0b"], ["a\n"], ["/a"], ["../a"], ["a/../b"], ["a/"], [""], [".git/config"],
        ["a", "a/b"], ["e\u0301"], ["\udcff"], ["straße", "STRASSE"],
    ],
)  # fmt: skip
def test_a_folder_with_unsafe_or_clashing_paths_has_no_digest(paths: list[str]) -> None:
    with pytest.raises(UnsafePathError):
        folder_digest(listed(path) for path in paths)


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(GitmodelError):
        folder_digest([ListedFile("a", -1, Digest(EMPTY))])


def test_sizes_beyond_32_bits_are_listed_in_full() -> None:
    big = ListedFile("a", 2**40, Digest(EMPTY))
    expected = blake3(
        f"a\0{2**40}\0{EMPTY}\n".encode(), derive_key_context="gitmodel 2026 folder v1"
    )

    assert folder_digest([big]).hex == expected.hexdigest()
