"""A manifest in memory is sound; one that is not never gets there."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import tracemalloc
from array import array
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.digest import MAX_FILES, Digest, ListedFile, digest_of, folder_digest
from gitmodel.encoding.chunking.choose import CONTENT_CHUNKER, ChunkerId
from gitmodel.encoding.codecs.codec import Codec, chunk_hash
from gitmodel.encoding.manifest.columns import ColumnWriter
from gitmodel.encoding.manifest.manifest import (
    MAX_MANIFEST,
    ChunkLocation,
    FileEntry,
    Manifest,
    ManifestBuilder,
    ModelKind,
)
from gitmodel.errors import DamagedObjectError, NewerFormatError, UnsafePathError

REFUSED = (DamagedObjectError, NewerFormatError, UnsafePathError)
FIXED = ChunkerId("fixed-v1", (4 << 20,))  # in manifests, and not known as a rule
RULES = [CONTENT_CHUNKER, FIXED, ChunkerId("tensors-v7", (1, 2, 3))]


def work_tree_path(raw: bytes, *, pack: int, offset: int = 48) -> ChunkLocation:
    return ChunkLocation(chunk_hash(raw), len(raw), len(raw), pack, offset, Codec.RAW)


def manifest_of(files: dict[str, list[bytes]], kind: ModelKind = "folder") -> Manifest:
    """Place the chunks of these files, each distinct one in a pack of its own."""
    builder = ManifestBuilder()
    listing = []
    for turn, (path, chunks) in enumerate(files.items()):
        numbers = []
        for chunk in chunks:
            number = builder.find(chunk_hash(chunk))
            if number is None:
                pack = builder.add_pack(digest_of(b"pack" + chunk).hex, 48 + len(chunk))
                number = builder.add_chunk(work_tree_path(chunk, pack=pack))
            numbers.append(number)
        content = b"".join(chunks)
        listing.append(ListedFile(path, len(content), digest_of(content)))
        rule = RULES[turn % len(RULES)]
        builder.add_file(path, len(content), digest_of(content), numbers, chunker=rule)
    digest = listing[0].digest if kind == "file" else folder_digest(listing)
    return builder.build(digest, kind)


def contents(manifest: Manifest) -> dict[str, list[bytes]]:
    """What a reader learns: the chunk hashes of each file."""
    return {
        file.path: [manifest.chunk(number).hash for number in manifest.chunks_of(file)]
        for file in manifest.files
    }


CHUNKS = st.binary(min_size=1, max_size=20)
PATHS = st.sampled_from(["a", "b/c.bin", "b/d", "README.md", "modèle/poids.bin", "z" * 90])
FOLDERS = st.dictionaries(PATHS, st.lists(CHUNKS, max_size=6), max_size=5)
SMALL = manifest_of({"b/two.bin": [b"abc", b"de", b"abc"], "a.txt": [b"de"], "empty": []})
SINGLE = manifest_of({"": [b"abc", b"de", b"abc"]}, "file")


@given(FOLDERS)
@settings(deadline=None, max_examples=100)
def test_a_folder_reads_back_equal(files: dict[str, list[bytes]]) -> None:
    manifest = manifest_of(files)

    back = Manifest.from_bytes(manifest.to_bytes(), expected=manifest.digest)
    assert back == manifest
    assert contents(back) == {path: [*map(chunk_hash, files[path])] for path in files}


@given(st.lists(CHUNKS, max_size=9))
@settings(deadline=None, max_examples=50)
def test_a_file_reads_back_equal(chunks: list[bytes]) -> None:
    manifest = manifest_of({"": chunks}, "file")

    back = Manifest.from_bytes(memoryview(manifest.to_bytes()), expected=manifest.digest)
    assert back == manifest
    assert contents(back) == {"": [*map(chunk_hash, chunks)]}


def test_what_a_manifest_tells() -> None:
    assert SMALL.kind == "folder"
    assert [file.path for file in SMALL.files] == ["a.txt", "b/two.bin", "empty"]
    assert [SMALL.chunks_of(file).tolist() for file in SMALL.files] == [[1], [0, 1, 0], []]
    assert (SMALL.chunk_count, SMALL.total_size) == (2, 10)
    assert SMALL.chunk(1) == work_tree_path(b"de", pack=1)
    assert [SMALL.packs[SMALL.chunk(number).pack][:12] for number in (0, 1)] == [
        digest_of(b"packabc").short,
        digest_of(b"packde").short,
    ]
    assert SMALL.pack_sizes.tolist() == [51, 50]
    assert SMALL.chunkers == (FIXED, CONTENT_CHUNKER, ChunkerId("tensors-v7", (1, 2, 3)))
    assert SMALL.requires == ()


def test_a_manifest_requires_the_codecs_that_it_uses() -> None:
    builder = ManifestBuilder()
    pack = builder.add_pack("0" * 64, 1000)
    zstd = ChunkLocation(chunk_hash(bytes(9000)), 9000, 17, pack, 48, Codec.ZSTD)
    digest = digest_of(bytes(9000))
    builder.add_file("", 9000, digest, [builder.add_chunk(zstd)], chunker=CONTENT_CHUNKER)
    manifest = builder.build(digest, "file")

    assert manifest.requires == ("zstd",)
    assert Manifest.from_bytes(manifest.to_bytes(), expected=digest) == manifest


# Written before there were byte planes and deltas: a chunk stored raw, one as a zstd frame.
FROZEN_DIGEST = "blake3:a06bbd3f2eb786d3e32fdd68c4b5f7f6401e70e58c3e1b0d0809a765aed03d9f"
FROZEN = base64.b64decode(
    "Z21tMQtCgM7ZGgPXtVP8rUeoBe8xJInuj+i6rGTxFZ0hh3ZWKLUv/WBAAKUHAEQNAQAAAAIBAQAwAAAAenN0ZABm"
    "YXN0Y2RjLXYxIDY1NTM2IDI2MjE0NCAxMDQ4NTc2AGVtcHR5AHcuYmlurxNJufX5oaagQE3qNtzJSZvLJcmtwRK3"
    "zJqTyuQfMmLuQCX5oVHji1jvmYzxE87/8bE7tLqXzD2acazlj58o9gArACMAAlp0AQAAZDezrDhGUTP/tjt1JzqN"
    "tUjFWEZdedsD/TWcbNW9nYXmWf8OlwzLvnHnq8os5P0NzkvzXJV5YnDJOp7iHMppNQMoAxEAMGMA/wABAAAMALjE"
    "Kg0BZpAbsTATIFhTgeDauWxsx/FYKezMvQE="
)


def test_a_manifest_of_the_first_version_still_reads() -> None:
    manifest = Manifest.from_bytes(FROZEN, expected=Digest.parse(FROZEN_DIGEST))

    assert manifest.requires == ("zstd",)
    assert [(file.path, file.size) for file in manifest.files] == [("empty", 0), ("w.bin", 9003)]
    assert [manifest.chunk(number) for number in range(2)] == [
        ChunkLocation(chunk_hash(b"abc"), 3, 3, 0, 48, Codec.RAW),
        ChunkLocation(chunk_hash(bytes(9000)), 9000, 17, 0, 99, Codec.ZSTD),
    ]


def with_deltas(sizes: tuple[int, int, int] = (90, 90, 90), base: int = 0) -> Manifest:
    """Three chunks: planes, and two deltas against `base` and the first."""
    builder = ManifestBuilder()
    pack = builder.add_pack("0" * 64, 1000)
    raws = [bytes([number]) * size for number, size in enumerate(sizes)]
    codecs = [(Codec.PLANES, 2, -1), (Codec.DELTA, 4, base), (Codec.SPARSE, 1, 0)]
    numbers = [
        builder.add_chunk(ChunkLocation(chunk_hash(raw), len(raw), 20, pack, 48 + 100 * at, *form))
        for at, (raw, form) in enumerate(zip(raws, codecs, strict=True))
    ]
    digest = digest_of(b"".join(raws))
    builder.add_file("", sum(sizes), digest, numbers, chunker=CONTENT_CHUNKER)
    return builder.build(digest, "file")


def test_a_manifest_with_deltas_reads_back_equal() -> None:
    manifest = with_deltas()
    back = Manifest.from_bytes(manifest.to_bytes(), expected=manifest.digest)

    assert back == manifest
    assert back.requires == ("delta", "planes", "sparse")
    assert [back.chunk(number)[5:] for number in range(3)] == [(2, 2, -1), (3, 4, 0), (4, 1, 0)]


def test_a_base_is_self_contained_and_as_long_as_its_delta() -> None:
    with pytest.raises(DamagedObjectError, match="invalid base"):
        with_deltas(base=2)
    with pytest.raises(DamagedObjectError, match="base of another length"):
        with_deltas(sizes=(90, 90, 91))


def test_a_pack_without_a_proper_name_is_not_added() -> None:
    for name in ("", "0" * 62, "pack"):
        with pytest.raises(ValueError, match=r"^(0*$|non-hex)"):
            ManifestBuilder().add_pack(name, 1000)


def test_a_chunk_added_twice_keeps_its_first_location() -> None:
    builder = ManifestBuilder()
    first = builder.add_chunk(work_tree_path(b"abc", pack=0))

    assert (
        builder.add_chunk(work_tree_path(b"abc", pack=7))
        == first
        == builder.find(chunk_hash(b"abc"))
    )
    assert builder.find(chunk_hash(b"other")) is None


def test_a_manifest_does_not_change_when_its_builder_does() -> None:
    builder = ManifestBuilder()
    builder.add_pack("0" * 64, 1000)
    builder.add_file("", 0, digest_of(b""), [], chunker=CONTENT_CHUNKER)
    manifest = builder.build(digest_of(b""), "file")
    before = manifest.to_bytes()
    builder.add_pack("1" * 64, 1000)
    builder.add_chunk(work_tree_path(b"abc", pack=0))

    assert manifest.to_bytes() == before


# Written by this version. Later ones read it for ever; whoever must change it adds a new one.
FIRST_FORMAT = bytes.fromhex(
    "676d6d31d9fd7a096fa9d20ab77458a05a40818e96563f169b2c36300c17ddd0a3e970b928b52ffd60c10015"
    "0b00b413010000000200000004035700000066697865642d7631203431393433303400666173746364633635"
    "3533362032363231343420313034383537360074656e736f72732d763720312032203300612e74787400622f"
    "74776f2e62696e00656d7074790492a994b72b98fa6730cf71d468e41f9638b5a5bc426270415e17201912c8"
    "2d19a15793b57ca4ea198c6fc2e1779502ee8eaa84140aeb1e4417fa342d3ad94caf1349b9f5f9a1a6a0404d"
    "ea36dcc9499bcb25c9adc112b7cc9a93cae41f326202080001030158c39483b2a0206e3ef0c2f431de69ceaf"
    "7ff471047f00559ece6438e71bb8d6e3ec38689810a1b12300e3a67827893961522e65c158c973d272059e1c"
    "d5175b33320100010000006437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d8503"
    "020000303000ff000000000e00b8c4d0500c2fac1e27b1e2152c7e5dc011a840833756e034b007f7129bd677"
    "f92e2b47"
)


def test_the_first_format_is_read_for_ever() -> None:
    assert Manifest.from_bytes(FIRST_FORMAT, expected=SMALL.digest) == SMALL


def test_the_columns_are_pinned() -> None:
    """The frame may differ with the version of zstd, what is in it never does."""
    assert columns_of(SINGLE).hex() == (
        "00000000" + "02000000" + "03000000"  # kind, chunks, length of the sequence
        "02000000" + "01000000"  # packs, files
        "0100" + "0000" + "20000000"  # chunkers, requires, bytes of text
        + b"fastcdc-v1 65536 262144 1048576\0".hex()
        + SINGLE.digest.hex
        + "08" + "00" * 7  # file sizes, by planes
        + "03000000" + "0000"  # chunks of each file, chunkers
        + digest_of(b"packabc").hex + digest_of(b"packde").hex
        + "3332" + "0000" * 3  # pack sizes: 51 and 50
        + "000100" + "000000" * 3  # sequence: 0 1 0
        + chunk_hash(b"abc").hex() + chunk_hash(b"de").hex()
        + "0302" + "0000" * 3  # raw sizes
        + "0302" + "0000" * 3  # stored sizes
        + "0001" + "0000" * 3  # packs
        + "3030" + "0000" * 3  # offsets
        + "ffff" * 4  # bases
        + "0000" + "0000"  # codecs, widths
    )  # fmt: skip


def columns_of(manifest: Manifest) -> bytes:
    return zstandard.ZstdDecompressor().decompress(manifest.to_bytes()[36:])


def sealed(columns: bytes | bytearray) -> bytes:
    """Seal columns as somebody would who forges a manifest."""
    writer = ColumnWriter()
    writer.write(bytes(columns))
    return writer.sealed(b"gmm1")


def read(data: bytes | bytearray, expected: Digest) -> Manifest | None:
    """Read a manifest that may be refused, with no other exception."""
    try:
        return Manifest.from_bytes(bytes(data), expected=expected)
    except REFUSED:
        return None


@pytest.mark.parametrize("manifest", [SMALL, SINGLE], ids=["folder", "file"])
def test_every_truncation_is_refused(manifest: Manifest) -> None:
    data = manifest.to_bytes()
    columns = columns_of(manifest)

    assert not any(read(data[:size], manifest.digest) for size in range(len(data)))
    assert not any(read(sealed(columns[:size]), manifest.digest) for size in range(len(columns)))


@pytest.mark.parametrize("manifest", [SMALL, SINGLE], ids=["folder", "file"])
def test_every_flipped_bit_is_refused(manifest: Manifest) -> None:
    data = manifest.to_bytes()
    for flip in range(8 * len(data)):
        mutated = bytearray(data)
        mutated[flip // 8] ^= 1 << flip % 8
        assert read(mutated, manifest.digest) is None


@pytest.mark.parametrize("manifest", [SMALL, SINGLE], ids=["folder", "file"])
def test_a_forged_byte_is_refused_or_changes_no_file(manifest: Manifest) -> None:
    """Sealed again, a change may name other chunks, but never other sizes, paths or digests."""
    columns = columns_of(manifest)
    listed = [(file.path, file.size, file.digest) for file in manifest.files]
    for position in range(len(columns)):
        for value in (0, 1, columns[position] ^ 1, columns[position] ^ 0x80, 255):
            forged = bytearray(columns)
            forged[position] = value
            back = read(sealed(forged), manifest.digest)
            if back is not None:
                assert [(file.path, file.size, file.digest) for file in back.files] == listed
                assert Manifest.from_bytes(back.to_bytes(), expected=back.digest) == back


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_forged_columns_are_refused_or_sound(data: st.DataObject) -> None:
    forged = bytearray(columns_of(SMALL))
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(forged) - 1))
        forged[position] = data.draw(st.integers(0, 255))
    back = read(sealed(forged), SMALL.digest)

    assert back is None or back.total_size == SMALL.total_size


@given(st.binary(max_size=200), st.booleans())
@settings(deadline=None, max_examples=150)
def test_arbitrary_bytes_are_refused(data: bytes, seal: bool) -> None:
    assert read(sealed(data) if seal else b"gmm1" + data, SMALL.digest) is None


def test_a_manifest_of_another_digest_is_refused() -> None:
    with pytest.raises(DamagedObjectError) as caught:
        Manifest.from_bytes(SINGLE.to_bytes(), expected=SMALL.digest)

    assert str(caught.value) == f"a manifest does not list the files of {SMALL.digest.short}"


def test_a_manifest_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(DamagedObjectError, match="is larger than the limit"):
        Manifest.from_bytes(bytes(MAX_MANIFEST + 1), expected=SMALL.digest)


def test_counts_are_compared_with_the_length_before_anything_is_allocated() -> None:
    columns = bytearray(columns_of(SINGLE))
    tracemalloc.start()
    for field in range(4, 20, 4):  # chunks, sequence, packs, files: four billion each
        forged = columns.copy()
        forged[field : field + 4] = b"\xff" * 4
        with pytest.raises(DamagedObjectError, match="has counts that do not match its length"):
            Manifest.from_bytes(sealed(forged), expected=SINGLE.digest)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 << 20  # the compressor of this test


def test_a_feature_to_come_asks_for_an_upgrade() -> None:
    later = dict(vars_of(SMALL), requires=("zstd", "later\x1b[2J"))
    with pytest.raises(NewerFormatError) as caught:
        Manifest(**later)

    assert (str(caught.value), caught.value.hint) == (
        "a manifest requires an unsupported feature: 'later\\x1b[2J'",
        "upgrade gitmodel",
    )


def test_a_feature_to_come_is_noticed_before_its_columns_are() -> None:
    columns = columns_of(SINGLE)
    text = b"future\0A rule of a later kind!!!\0"
    forged = columns[:22] + b"\1\0" + len(text).to_bytes(4, "little") + text + columns[28 + 32 :]
    with pytest.raises(NewerFormatError):
        Manifest.from_bytes(sealed(forged), expected=SINGLE.digest)


def vars_of(manifest: Manifest) -> dict[str, Any]:
    return {field.name: getattr(manifest, field.name) for field in dataclasses.fields(manifest)}


def entry(path: str, size: int, digest: Digest, first: int, count: int) -> FileEntry:
    return FileEntry(
        path=path, size=size, digest=digest, first=first, count=count, chunker=CONTENT_CHUNKER
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"packs": ("0" * 64, "0" * 64)}, "a manifest lists a pack twice"),
        ({"packs": ("0" * 64,)}, "a manifest lists a pack twice"),
        ({"pack_sizes": array("I", [48, 51])}, "a manifest has a pack of an impossible size"),
        ({"pack_sizes": array("I", [51, 1 << 25])}, "a manifest has a pack of an impossible size"),
        ({"pack_sizes": array("I", [50, 51])}, "a manifest places a chunk outside its pack"),
        ({"sequence": array("I", [0, 1, 2])}, "a manifest has a file with a chunk that it does not list"),
        ({"sequence": array("I", [0, 1, 1])}, "a manifest has a file whose chunks do not add up to its size"),
        ({"sequence": array("I", [0, 1])}, "a manifest has a file whose chunks do not add up to its size"),
        ({"sequence": array("I", [0, 1, 0, 0])}, "a manifest has chunks that belong to no file"),
        ({"files": ()}, "a manifest has chunks that belong to no file"),
        ({"kind": "folder"}, "an unsafe path"),
        ({"digest": digest_of(b"x")}, f"a manifest does not list the files of {digest_of(b'x').short}"),
    ],
    ids=range(12),
)  # fmt: skip
def test_parts_that_contradict_each_other_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises((DamagedObjectError, UnsafePathError)) as caught:
        Manifest(**(vars_of(SINGLE) | changes))

    if message != "an unsafe path":
        assert str(caught.value) == message


@pytest.mark.parametrize(
    "files",
    [
        [("a", b"1"), ("a", b"2")],
        [("b", b"1"), ("a", b"2")],
        [("a", b"1"), ("../a", b"2")],
        [(".git/config", b"1")],
        [("A", b"1"), ("a", b"2")],
        [("a", b"1"), ("a/b", b"2")],
        [("\udcff", b"1")],
        [("", b"1")],
    ],
    ids=["twice", "unsorted", "parent", "git", "case", "file as folder", "surrogate", "no name"],
)
def test_a_listing_that_must_not_be_is_refused(files: list[tuple[str, bytes]]) -> None:
    complete = manifest_of({path: [raw] for path, raw in zip("xy", (b"1", b"2"), strict=True)})
    entries = tuple(
        entry(path, 1, digest_of(raw), number, 1) for number, (path, raw) in enumerate(files)
    )
    parts = vars_of(complete) | {"files": entries, "sequence": array("I", range(len(files)))}
    with pytest.raises((DamagedObjectError, UnsafePathError)):
        Manifest(**parts)


def test_an_unsafe_path_is_refused_when_it_is_built() -> None:
    for path in ("../x", "\udcff"):
        builder = ManifestBuilder()
        builder.add_file(path, 0, digest_of(b""), [], chunker=CONTENT_CHUNKER)
        with pytest.raises(UnsafePathError):
            builder.build(digest_of(b""), "folder")


def test_a_listing_without_end_is_refused() -> None:
    entries = (entry("x", 0, digest_of(b""), 0, 0),) * (MAX_FILES + 1)
    with pytest.raises(DamagedObjectError, match="a manifest lists more than 100,000 files"):
        Manifest(**(vars_of(manifest_of({})) | {"files": entries}))


def test_a_listing_without_end_is_refused_before_it_is_read() -> None:
    count = MAX_FILES + 1
    counts = (1, 0, 0, 0, count)  # a folder of no chunks and no packs
    start = b"".join(number.to_bytes(4, "little") for number in counts) + bytes(4)
    forged = start + (count - 1).to_bytes(4, "little") + bytes(count - 1 + count * 46)
    with pytest.raises(DamagedObjectError, match="lists more than 100,000 files"):
        Manifest.from_bytes(sealed(forged), expected=SMALL.digest)


def test_a_large_manifest_needs_little_memory() -> None:
    """Under 200 bytes a chunk while reading: 500,000 chunks stay under 100 MiB."""
    count = 20_000
    builder = ManifestBuilder()
    hashes = hashlib.shake_256(b"hashes").digest(32 * count)
    pack = builder.add_pack("0" * 64, 16 << 20)
    numbers = [
        builder.add_chunk(ChunkLocation(hashes[at : at + 32], 500, 500, pack, 48 + at, Codec.RAW))
        for at in range(0, 32 * count, 32)
    ]
    digest = digest_of(b"weights")
    builder.add_file("", 500 * count, digest, numbers, chunker=CONTENT_CHUNKER)
    data = builder.build(digest, "file").to_bytes()
    tracemalloc.start()
    manifest = Manifest.from_bytes(data, expected=digest)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert manifest.chunk_count == count
    assert peak < 200 * count
