"""Any bytes come back, and hostile bytes come back as an error that says so."""

from __future__ import annotations

import hashlib
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codec import (
    MAX_CHUNK,
    Codec,
    chunk_hash,
    decode,
    decode_checked,
    encode,
    known_codec,
)
from gitmodel.errors import DamagedObjectError, NewerFormatError

REFUSED = (DamagedObjectError, NewerFormatError)
TEXT = b"".join(f'{{"layer": {n}, "bias": false}}\n'.encode() for n in range(6000))


def noise(size: int, seed: int = 1) -> bytes:
    return hashlib.shake_256(f"gitmodel {seed}".encode()).digest(size)


def weights(count: int) -> bytes:
    """Numbers like bfloat16 weights: the low byte is noise, the high byte takes few values."""
    exponents = bytes(0x38 + min(byte // 32, 6) for byte in noise(count, 2))
    pairs = bytearray(2 * count)
    pairs[::2] = noise(count, 3)
    pairs[1::2] = exponents
    return bytes(pairs)


def chunks() -> st.SearchStrategy[bytes]:
    """Chunks of all kinds: short, repetitive, noisy, and mixtures larger than the sample."""
    large = st.tuples(
        st.sampled_from([noise(40_000), bytes(50_000), TEXT, weights(30_000)]),
        st.binary(max_size=50),
        st.sampled_from([noise(70_000, 4), bytes(9), TEXT]),
    ).map(b"".join)
    return st.one_of(st.binary(max_size=300), large)


@given(chunks())
@settings(deadline=None, max_examples=120)
def test_any_bytes_come_back(raw: bytes) -> None:
    codec, stored = encode(raw)

    assert len(stored) <= len(raw)
    assert decode(codec, stored, raw_size=len(raw)) == raw
    assert decode_checked(codec, stored, raw_size=len(raw), expected=chunk_hash(raw)) == raw


@pytest.mark.parametrize("make", [bytes, memoryview])
def test_any_kind_of_buffer_is_taken(make: type[bytes]) -> None:
    for raw in (TEXT, noise(5000)):
        codec, stored = encode(make(raw))

        assert decode(codec, make(stored), raw_size=len(raw)) == raw


def test_what_does_not_compress_is_stored_as_it_is_and_not_copied() -> None:
    raw = memoryview(noise(300_000))
    codec, stored = encode(raw)

    assert codec is Codec.RAW
    assert stored is raw
    assert decode(codec, stored, raw_size=len(raw)) is raw


def test_a_gain_under_three_percent_is_left() -> None:
    raw = noise(98_000) + bytes(2_000)

    assert encode(raw) == (Codec.RAW, raw)


@pytest.mark.parametrize(
    ("raw", "share"), [(TEXT, 0.1), (weights(150_000), 0.9), (bytes(1 << 20), 0.001)]
)
def test_what_compresses_is_compressed(raw: bytes, share: float) -> None:
    codec, stored = encode(raw)

    assert codec is Codec.ZSTD
    assert len(stored) < share * len(raw)


def test_a_sample_that_promised_too_much_does_no_harm() -> None:
    """The sample sees three compressible places, the whole does not compress."""
    hidden = noise(2 << 20)
    middle = len(hidden) // 2
    raw = bytes(8192) + hidden[:middle] + bytes(16_384) + hidden[middle:] + bytes(8192)

    assert encode(raw) == (Codec.RAW, raw)


def test_a_chunk_has_at_most_16_mib() -> None:
    assert MAX_CHUNK == 16_777_216
    codec, stored = encode(bytes(MAX_CHUNK))
    assert decode(codec, stored, raw_size=MAX_CHUNK) == bytes(MAX_CHUNK)

    with pytest.raises(ValueError, match="16777217"):
        encode(bytes(MAX_CHUNK + 1))


@given(chunks(), st.data())
@settings(deadline=None, max_examples=200)
def test_mutated_bytes_decode_to_the_right_size_or_are_refused(
    raw: bytes, data: st.DataObject
) -> None:
    stored = bytearray(zstandard.compress(raw, 1))
    for _ in range(data.draw(st.integers(1, 3))):
        stored[data.draw(st.integers(0, len(stored) - 1))] = data.draw(st.integers(0, 255))
    del stored[data.draw(st.integers(0, len(stored))) :]

    for codec in (Codec.RAW, Codec.ZSTD):
        with suppress(DamagedObjectError):
            assert len(decode(codec, bytes(stored), raw_size=len(raw))) == len(raw)


def test_a_flipped_bit_never_yields_other_bytes() -> None:
    raw = TEXT[:3000]
    stored = zstandard.compress(raw, 1)
    for flip in range(8 * len(stored)):
        mutated = bytearray(stored)
        mutated[flip // 8] ^= 1 << flip % 8
        try:
            back = decode_checked(1, bytes(mutated), raw_size=len(raw), expected=chunk_hash(raw))
        except DamagedObjectError:
            continue
        assert back == raw


@given(st.binary(max_size=200), st.integers(-5, 300), st.integers(-10, 2 * MAX_CHUNK))
@settings(deadline=None, max_examples=200)
def test_arbitrary_input_is_decoded_or_refused(stored: bytes, codec: int, raw_size: int) -> None:
    with suppress(*REFUSED):
        assert len(decode(codec, stored, raw_size=raw_size)) == raw_size


BOMB = zstandard.compress(bytes(64 << 20), 1)
UNSIZED = zstandard.ZstdCompressor(level=1, write_content_size=False).compress(b"abc" * 99)
SKIPPABLE = bytes.fromhex("502a4d18") + (3).to_bytes(4, "little") + b"abc"


@pytest.mark.parametrize(
    ("codec", "stored", "raw_size"),
    [
        (1, BOMB, MAX_CHUNK),
        (1, BOMB, 64 << 20),
        (1, zstandard.compress(b"abc"), 2),
        (1, zstandard.compress(b"abc"), 4),
        (1, zstandard.compress(b"abc") + b"more", 3),
        (1, zstandard.compress(b"abc") + zstandard.compress(b""), 3),
        (1, UNSIZED, 297),
        (1, SKIPPABLE, 3),
        (1, b"", 0),
        (1, b"", 3),
        (0, b"abc", 2),
        (0, b"abc", 4),
        (0, b"abc", -3),
        (0, bytes(MAX_CHUNK + 1), MAX_CHUNK + 1),
    ],
    ids=[
        "bomb",
        "bomb that says so",
        "shorter claim",
        "longer claim",
        "bytes behind",
        "frame behind",
        "no size",
        "skippable",
        "nothing",
        "too little",
        "raw, shorter claim",
        "raw, longer claim",
        "negative claim",
        "raw, too large",
    ],
)
def test_a_lie_about_size_is_refused(codec: int, stored: bytes, raw_size: int) -> None:
    with pytest.raises(DamagedObjectError):
        decode(codec, stored, raw_size=raw_size)


def test_a_huge_window_costs_nothing() -> None:
    """A frame may ask for 2 GiB of window with a few bytes of header."""
    frame = bytes.fromhex("28b52ffd") + bytes([0b1000_0000, 0xA8]) + (3).to_bytes(4, "little")
    tracemalloc.start()
    with suppress(DamagedObjectError):
        assert decode(1, frame + b"\x19\0\0abc", raw_size=3) == b"abc"
    with pytest.raises(DamagedObjectError):
        decode(1, frame + b"\x18\0\0abc", raw_size=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1 << 20


def test_other_bytes_of_the_right_size_are_refused() -> None:
    with pytest.raises(DamagedObjectError) as caught:
        decode_checked(0, b"abd", raw_size=3, expected=chunk_hash(b"abc"))

    assert str(caught.value) == "a chunk does not match its hash 6437b3ac3846"


@pytest.mark.parametrize("number", [-1, 2, 3, 255])
def test_a_codec_to_come_asks_for_an_upgrade(number: int) -> None:
    with pytest.raises(NewerFormatError) as caught:
        known_codec(number)

    assert (str(caught.value), caught.value.hint) == (
        f"a chunk is stored with codec {number}, which is not known here",
        "upgrade gitmodel",
    )


def test_chunk_hashes_are_blake3() -> None:
    assert chunk_hash(b"").hex() == (
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    )


def test_many_threads_may_encode_and_decode_at_once() -> None:
    raws = [noise(100_000, seed) + TEXT[: 1000 * seed] for seed in range(12)] * 3

    def there_and_back(raw: bytes) -> bool:
        codec, stored = encode(raw)
        expected = chunk_hash(raw)
        return decode_checked(codec, stored, raw_size=len(raw), expected=expected) == raw

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(there_and_back, raws))
