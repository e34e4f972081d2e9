"""A pack gives back the chunks that went in, or says that it cannot."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codecs.codec import MAX_CHUNK, Codec, chunk_hash, encode
from gitmodel.encoding.pack import (
    BASED_HEADER_SIZE,
    HEADER_SIZE,
    PACK_MAX,
    PACK_TARGET,
    ChunkHeader,
    PackBuilder,
    pack_name,
    read_pack,
)
from gitmodel.errors import DamagedObjectError, NewerFormatError
from tests.support.noise import noise

REFUSED = (DamagedObjectError, NewerFormatError)
ABC = ChunkHeader(codec=Codec.RAW, raw_size=3, stored_size=3, hash=chunk_hash(b"abc"))


def header_of(raw: bytes) -> tuple[ChunkHeader, bytes]:
    found = encode(raw)
    header = ChunkHeader(
        codec=found.codec,
        raw_size=len(raw),
        stored_size=found.size,
        hash=chunk_hash(raw),
        width=found.width,
    )
    return header, b"".join(found.parts)


def packed(raws: list[bytes]) -> tuple[bytes, list[int]]:
    builder = PackBuilder()
    offsets = []
    for raw in raws:
        offsets.append(builder.add(*header_of(raw)))
        assert builder.name == pack_name(builder.finish())
    return bytes(builder.finish()), offsets


def headers() -> st.SearchStrategy[ChunkHeader]:
    """Sound headers of codecs to come, with widths and bases."""
    return st.builds(
        ChunkHeader,
        codec=st.integers(5, 255),
        raw_size=st.integers(1, MAX_CHUNK),
        stored_size=st.integers(1, PACK_MAX - BASED_HEADER_SIZE),
        hash=st.binary(min_size=32, max_size=32),
        width=st.integers(0, 255),
        base=st.none() | st.binary(min_size=32, max_size=32),
    )


@given(
    st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=90),
            st.sampled_from([noise(40_000), bytes(90_000), noise(32_768), noise(32_767)]),
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(deadline=None, max_examples=80)
def test_a_pack_read_back_gives_the_chunks_written(raws: list[bytes]) -> None:
    data, offsets = packed(raws)
    records = list(read_pack(data))

    assert [bytes(record.header.decode(record.payload)) for record in records] == raws
    assert [record.offset for record in records] == offsets
    assert [record.header for record in records] == [header_of(raw)[0] for raw in raws]


@given(headers())
@settings(deadline=None, max_examples=100)
def test_a_header_reads_back_equal(header: ChunkHeader) -> None:
    written = header.to_bytes()

    assert len(written) == header.size
    assert ChunkHeader.from_bytes(written) == header
    assert ChunkHeader.from_bytes(written + b"payload") == header


def test_the_layout_is_pinned() -> None:
    """Stores outlive programs: these bytes never change their meaning."""
    pack, offsets = packed([b"abc"])

    assert (
        pack.hex()
        == (
            "676d6331"  # magic
            "00" + "00" + "0000"  # codec, width, flags
            "03000000" + "03000000"  # raw size, stored size
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
            "616263"
        )
    )
    assert offsets == [HEADER_SIZE]


def test_a_base_stands_between_header_and_payload() -> None:
    header = ChunkHeader(
        codec=3, raw_size=9, stored_size=2, hash=chunk_hash(b"x"), width=2, base=bytes(range(32))
    )
    builder = PackBuilder()
    offset = builder.add(header, b"zz")
    (record,) = read_pack(builder.finish())

    assert (record.offset, offset) == (BASED_HEADER_SIZE, BASED_HEADER_SIZE)
    assert (record.header, bytes(record.payload)) == (header, b"zz")


def test_a_delta_is_opened_with_its_base() -> None:
    base, raw = noise(4000), bytes(byte // 2 * 2 for byte in noise(4000))
    found = encode(raw, width=1, base=base)
    header = ChunkHeader(
        codec=found.codec,
        raw_size=len(raw),
        stored_size=found.size,
        hash=chunk_hash(raw),
        width=found.width,
        base=chunk_hash(base),
    )
    builder = PackBuilder()
    builder.add(header, *found.parts)
    (record,) = read_pack(builder.finish())

    assert (record.header, record.header.codec) == (header, Codec.DELTA)
    assert record.header.decode(record.payload, base=base) == raw
    for wrong in (None, base[1:], raw):
        with pytest.raises(DamagedObjectError):
            record.header.decode(record.payload, base=wrong)


def test_a_pack_is_assembled_in_the_memory_given() -> None:
    buffer = memoryview(bytearray(PACK_MAX))
    builder = PackBuilder(buffer)
    builder.add(ABC, b"abc")

    assert builder.finish().obj is buffer.obj
    assert buffer[: HEADER_SIZE + 3] == ABC.to_bytes() + b"abc"


def test_a_pack_is_full_at_8_mib_and_takes_nothing_beyond_16() -> None:
    half = noise(PACK_TARGET - HEADER_SIZE)
    header, payload = header_of(half)
    builder = PackBuilder()
    assert not builder.is_full

    builder.add(header, payload)
    assert (builder.is_full, builder.size, builder.fits(header)) == (True, PACK_TARGET, True)

    builder.add(header, payload)
    assert (builder.size, builder.fits(ABC)) == (PACK_MAX, False)
    with pytest.raises(ValueError, match="ChunkHeader"):
        builder.add(ABC, b"abc")


def test_a_payload_that_differs_from_its_header_is_not_added() -> None:
    with pytest.raises(ValueError, match="ChunkHeader"):
        PackBuilder().add(ABC, b"abcd")


def test_a_pack_without_chunks_is_not_made() -> None:
    with pytest.raises(ValueError, match="0"):
        PackBuilder().finish()


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_mutated_pack_is_refused_or_means_the_same(data: st.DataObject) -> None:
    raws = [b"abc", b"z" * 200, noise(60)]
    original, _ = packed(raws)
    mutated = bytearray(original)
    position = data.draw(st.integers(0, len(mutated) - 1))
    mutated[position] ^= data.draw(st.integers(1, 255))

    assert pack_name(bytes(mutated)) != pack_name(original)
    try:
        back = [
            (record.header.hash, record.header.decode(record.payload))
            for record in read_pack(bytes(mutated))
        ]
    except REFUSED:
        return
    assert all(chunk_hash(raw) == name for name, raw in back)


def test_every_single_byte_mutation_is_refused_or_means_the_same() -> None:
    raws = [b"abc", b"z" * 60]
    data, _ = packed(raws)
    for position in range(len(data)):
        for value in (0, 1, data[position] ^ 1, data[position] ^ 0x80, 255):
            mutated = bytearray(data)
            mutated[position] = value
            try:
                back = [bytes(r.header.decode(r.payload)) for r in read_pack(bytes(mutated))]
            except REFUSED:
                continue
            assert back == raws


def test_every_truncation_is_refused() -> None:
    data, offsets = packed([b"abc", b"z" * 60])
    between = offsets[0] + 3  # a whole chunk: only the name can tell that another is missing
    for size in range(len(data)):
        assert pack_name(data[:size]) != pack_name(data)
        if size != between:
            with pytest.raises(DamagedObjectError):
                list(read_pack(data[:size]))


@given(st.binary(max_size=300).map(lambda tail: b"gmc1" + tail) | st.binary(max_size=100))
@settings(deadline=None, max_examples=200)
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(*REFUSED):
        for record in read_pack(data):
            record.header.decode(record.payload)


BASED = dataclasses.replace(ABC, codec=9, base=bytes(32)).to_bytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a pack cannot have 0 bytes"),
        (bytes(PACK_MAX + 1), "a pack cannot have 16777217 bytes"),
        (b"PK\3\4" + bytes(99), "a pack has bytes that are not a chunk"),
        (ABC.to_bytes()[:-1], "a pack ends inside a chunk's header"),
        (ABC.to_bytes() + b"ab", "a pack ends inside a chunk"),
        (ABC.to_bytes() + b"abcX", "a pack ends inside a chunk's header"),
        (BASED[:-1], "a pack ends inside a chunk's header"),
    ],
    ids=["empty", "huge", "zip", "header", "payload", "second header", "base"],
)
def test_damage_is_named(data: bytes, message: str) -> None:
    with pytest.raises(DamagedObjectError) as caught:
        list(read_pack(data))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "fields",
    [
        {"raw_size": 0},
        {"raw_size": MAX_CHUNK + 1},
        {"stored_size": 0},
        {"stored_size": PACK_MAX},
        {"stored_size": 4},
        {"width": 2},
        {"base": bytes(32)},
        {"codec": Codec.ZSTD, "width": 4},
        {"codec": Codec.ZSTD, "base": bytes(32)},
        {"codec": Codec.PLANES},
        {"codec": Codec.PLANES, "width": 17},
        {"codec": Codec.PLANES, "width": 2, "base": bytes(32)},
        {"codec": Codec.DELTA, "width": 2},
        {"codec": Codec.DELTA, "width": 3, "base": bytes(32)},
        {"codec": Codec.SPARSE, "width": 2},
        {"codec": Codec.SPARSE, "width": 3, "base": bytes(32)},
    ],
    ids=str,
)
def test_a_header_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(DamagedObjectError):
        dataclasses.replace(ABC, **fields)


@pytest.mark.parametrize("start", [b"gmc2\0\0\0\0", b"gmc1\0\0\2\0", b"gmc1\0\0\0\x80"])
def test_a_later_format_asks_for_an_upgrade(start: bytes) -> None:
    with pytest.raises(NewerFormatError) as caught:
        list(read_pack(start + ABC.to_bytes()[8:] + b"abc"))

    assert caught.value.hint == "upgrade gitmodel"


def test_a_chunk_of_a_codec_to_come_does_not_hide_its_neighbours() -> None:
    builder = PackBuilder()
    builder.add(dataclasses.replace(ABC, codec=77), b"???")
    builder.add(ABC, b"abc")
    later, ours = read_pack(builder.finish())

    assert ours.header.decode(ours.payload) == b"abc"
    with pytest.raises(NewerFormatError):
        later.header.decode(later.payload)
