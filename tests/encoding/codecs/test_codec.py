"""`decode` is the inverse of `encode`, and hostile bytes raise the documented errors."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codecs.codec import (
    MAX_CHUNK,
    ByteBuffer,
    Codec,
    Encoded,
    chunk_hash,
    decode,
    decode_checked,
    encode,
    known_codec,
)
from gitmodel.encoding.codecs.sampling import sample_spans
from gitmodel.errors import DamagedObjectError, NewerFormatError
from tests.support.noise import noise

REFUSED = (DamagedObjectError, NewerFormatError)
TEXT = b"".join(f'{{"layer": {n}, "bias": false}}\n'.encode() for n in range(6000))


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


def changed(raw: bytes, data: st.DataObject) -> bytes:
    """Bytes of the same length, with some of them a little different."""
    other = bytearray(raw)
    step = data.draw(st.integers(1, 9))
    for position in range(data.draw(st.integers(0, 40)), len(raw), 97):
        other[position] = (other[position] + step) % 256
    return bytes(other)


def stored(found: Encoded) -> bytes:
    """What a store keeps of it, besides the fields of its header."""
    return b"".join(found.parts)


def back(found: Encoded, raw: bytes, base: bytes | None = None) -> ByteBuffer:
    """Decode with no more than a store keeps: the header's fields, the payload and the base."""
    return decode_checked(
        found.codec,
        stored(found),
        raw_size=len(raw),
        expected=chunk_hash(raw),
        width=found.width,
        base=base if found.uses_base else None,
    )


@given(chunks())
@settings(deadline=None, max_examples=120)
def test_any_bytes_come_back(raw: bytes) -> None:
    found = encode(raw)

    assert found.size <= len(raw)
    assert back(found, raw) == raw


@given(chunks(), st.data(), st.integers(0, 255))
@settings(deadline=None, max_examples=150)
def test_any_bytes_come_back_with_any_base_and_width(
    raw: bytes, data: st.DataObject, width: int
) -> None:
    base = changed(raw, data) if data.draw(st.booleans()) else data.draw(chunks())
    found = encode(raw, width=width, base=base)

    assert found.size <= len(raw)
    assert found.uses_base is (found.codec in {Codec.DELTA, Codec.SPARSE})
    assert back(found, raw, base) == raw


@pytest.mark.parametrize("make", [bytes, memoryview])
def test_any_kind_of_buffer_is_taken(make: type[bytes]) -> None:
    for raw in (TEXT, noise(5000), weights(9000)):
        for base in (None, make(noise(2, 9) + raw[2:])):
            found = encode(make(raw), base=base)
            kept = found._replace(parts=(make(stored(found)),))

            assert back(kept, raw, None if base is None else bytes(base)) == raw


def test_what_does_not_compress_is_stored_as_it_is_and_not_copied() -> None:
    raw = memoryview(noise(300_000))
    found = encode(raw)

    assert found.codec is Codec.RAW
    assert found.parts == (raw,)
    assert found.parts[0] is raw
    assert decode(found.codec, raw, raw_size=len(raw)) is raw


def test_a_gain_under_three_percent_is_left() -> None:
    raw = noise(98_000) + bytes(2_000)

    assert encode(raw) == (Codec.RAW, (raw,), 0, False)


@pytest.mark.parametrize(
    ("raw", "codec", "width", "share"),
    [
        (TEXT, Codec.ZSTD, 0, 0.1),
        (weights(150_000), Codec.PLANES, 2, 0.7),
        (bytes(1 << 20), Codec.ZSTD, 0, 0.001),
    ],
    ids=["text", "weights", "zeros"],
)
def test_what_compresses_is_compressed(raw: bytes, codec: Codec, width: int, share: float) -> None:
    found = encode(raw)

    assert (found.codec, found.width) == (codec, width)
    assert found.size < share * len(raw)


def test_a_small_change_is_stored_as_a_delta() -> None:
    base = weights(60_000)
    raw = bytes(byte ^ (position % 2 == 0) for position, byte in enumerate(base))
    for width in (0, 2, 34):
        found = encode(raw, width=width, base=base)

        assert (found.codec, found.uses_base) == (Codec.DELTA, True)
        assert found.size < 0.2 * len(raw)


def test_a_change_of_few_numbers_is_stored_as_a_sparse_delta() -> None:
    """For each of them not two bytes, of 600 that are as they were."""
    base = weights(300_000)
    changed = bytearray(base)
    for position in range(0, len(base), 601):
        changed[position] ^= position % 251
    raw = bytes(changed)
    found = encode(raw, base=base)

    assert found.codec is Codec.SPARSE
    assert found.size < 2 * (len(raw) // 601)
    assert back(found, raw, base) == raw


def test_rows_that_changed_are_no_sparse_delta() -> None:
    """What changed lies together: zstd takes less for where it is."""
    base = weights(300_000)
    raw = base[:100_000] + noise(20_000) + base[120_000:]

    assert encode(raw, width=2, base=base).codec is Codec.DELTA


def test_a_delta_that_wins_less_than_a_fifth_is_not_used() -> None:
    base = noise(120_000)
    raw = b"".join([noise(100_000, 2), base[100_000:]])
    assert encode(raw, width=1, base=base) == (Codec.RAW, (raw,), 0, False)

    zeros = bytes(120_000)
    assert encode(zeros, base=base).codec is Codec.ZSTD
    assert encode(zeros, base=zeros).codec is Codec.ZSTD


def test_a_base_of_another_length_is_not_used() -> None:
    raw = weights(60_000)
    for base in (raw[:-1], raw + b"x", b""):
        assert encode(raw, base=base) == encode(raw)


def test_a_delta_that_the_sample_promised_but_is_none_does_no_harm() -> None:
    """The same bytes wherever the sample looks, others everywhere else."""
    raw, base = noise(1 << 20), bytearray(noise(1 << 20, 2))
    for span in sample_spans(1 << 20):
        base[span] = raw[span]

    assert encode(raw, base=bytes(base)) == (Codec.RAW, (raw,), 0, False)


def test_a_sample_that_promised_too_much_does_no_harm() -> None:
    """The sample sees three compressible positions, the whole does not compress."""
    hidden = noise(2 << 20)
    middle = len(hidden) // 2
    raw = bytes(8192) + hidden[:middle] + bytes(16_384) + hidden[middle:] + bytes(8192)

    assert encode(raw) == (Codec.RAW, (raw,), 0, False)


def test_a_chunk_has_at_most_16_mib() -> None:
    assert MAX_CHUNK == 16_777_216
    raw = bytes(MAX_CHUNK)
    assert back(encode(raw), raw) == raw

    with pytest.raises(ValueError, match="16777217"):
        encode(bytes(MAX_CHUNK + 1))


def test_no_bytes_are_stored_as_they_are() -> None:
    assert encode(b"", width=2, base=b"") == (Codec.RAW, (), 0, False)


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


@pytest.mark.parametrize(
    ("count", "every", "codec"), [(400, 8, Codec.DELTA), (4000, 200, Codec.SPARSE)]
)
def test_a_flipped_bit_in_a_delta_never_yields_other_bytes(
    count: int, every: int, codec: Codec
) -> None:
    base = weights(count)
    raw = bytes(byte ^ (position % every == 0) for position, byte in enumerate(base))
    found = encode(raw, width=2, base=base)
    assert found.codec is codec
    for flip in range(8 * found.size):
        mutated = bytearray(stored(found))
        mutated[flip // 8] ^= 1 << flip % 8
        try:
            assert back(found._replace(parts=(bytes(mutated),)), raw, base) == raw
        except DamagedObjectError:
            continue


@given(
    st.binary(max_size=200),
    st.integers(-5, 10),
    st.integers(-10, 2 * MAX_CHUNK) | st.integers(0, 200),
    st.integers(-1, 300),
    st.none() | st.binary(max_size=200),
)
@settings(deadline=None, max_examples=300)
def test_arbitrary_input_is_decoded_or_refused(
    stored: bytes, codec: int, raw_size: int, width: int, base: bytes | None
) -> None:
    with suppress(*REFUSED):
        assert len(decode(codec, stored, raw_size=raw_size, width=width, base=base)) == raw_size


PLAIN = bytes.fromhex("0100000001000000 6162 63")  # elements of two bytes, one and a half of them


@pytest.mark.parametrize(
    ("codec", "width", "base", "message"),
    [
        (0, 2, None, "a chunk has 2-byte elements, which its codec does not allow"),
        (1, 1, None, "a chunk has 1-byte elements, which its codec does not allow"),
        (2, 0, None, "a chunk has 0-byte elements, which its codec does not allow"),
        (2, 17, None, "a chunk has 17-byte elements, which its codec does not allow"),
        (3, 3, b"abc", "a chunk has 3-byte elements, which its codec does not allow"),
        (3, 16, b"abc", "a chunk has 16-byte elements, which its codec does not allow"),
        (0, 0, b"abc", "a chunk has a base, but its codec takes none"),
        (2, 2, b"abc", "a chunk has a base, but its codec takes none"),
        (3, 2, None, "a chunk stored as a delta has no base"),
        (3, 2, b"ab", "a chunk stored as a delta has a base of another length"),
        (3, 2, b"abcd", "a chunk stored as a delta has a base of another length"),
        (2, 4, None, "a chunk ends inside the sizes of its planes"),
        (3, 4, b"abc", "a chunk ends inside the sizes of its planes"),
        (2, 1, None, "a chunk's planes do not add up to its size"),
        (4, 3, b"abc", "a chunk has 3-byte elements, which its codec does not allow"),
        (4, 2, None, "a chunk stored as a delta has no base"),
    ],
    ids=range(16),
)
def test_a_width_or_base_that_does_not_fit_is_refused(
    codec: int, width: int, base: bytes | None, message: str
) -> None:
    with pytest.raises(DamagedObjectError) as caught:
        decode(codec, PLAIN, raw_size=3, width=width, base=base)

    assert str(caught.value) == message


def test_the_layouts_are_pinned() -> None:
    """Stores outlive programs: these bytes never change their meaning."""
    assert decode(2, PLAIN, raw_size=3, width=2) == b"abc"
    # 0x6261 less 1 is 0x6260: the base and the difference -1, written 1; 0x63 is 0x60 and 3.
    stored = bytes.fromhex("0100000001000000 0100 03")
    assert decode(3, stored, raw_size=3, width=2, base=b"\x61\x62\x60") == b"\x60\x62\x63"
    # One entry, behind 15 zeros: the step is -1.
    stored = bytes.fromhex("13000000 01000000 010000000100000001000000 0f 00 01")
    found = decode(4, stored, raw_size=20, width=1, base=bytes(20))
    assert found == bytes(15) + b"\xff" + bytes(4)


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


@pytest.mark.parametrize("number", [-1, 5, 255])
def test_a_codec_to_come_asks_for_an_upgrade(number: int) -> None:
    with pytest.raises(NewerFormatError) as caught:
        known_codec(number)

    assert (str(caught.value), caught.value.hint) == (
        f"a chunk is stored with codec {number}, which this version of gitmodel does not support",
        "upgrade gitmodel",
    )


def test_chunk_hashes_are_blake3() -> None:
    assert chunk_hash(b"").hex() == (
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    )


def test_many_threads_may_encode_and_decode_at_once() -> None:
    raws = [noise(100_000, seed) + TEXT[: 1000 * seed] for seed in range(12)] * 3

    def there_and_back(raw: bytes) -> bool:
        base = raw[:-9] + noise(9)
        return back(encode(raw), raw) == raw == back(encode(raw, base=base), raw, base)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(there_and_back, raws))
