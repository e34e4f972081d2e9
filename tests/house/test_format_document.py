"""docs/format.md can be read by somebody who has nothing else.

The first half of this file is a reader written from that page: struct, zstandard and blake3, nothing of
gitmodel. It reads the worked example of the page, and gitmodel must find the same in it. It also reads
planes and deltas that gitmodel wrote, and cuts a file of tensors where gitmodel does.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import blake3
import pytest
import zstandard

from gitmodel.backends.folder import FolderBackend
from gitmodel.cache.cache import Cache
from gitmodel.domain.aliases import Alias
from gitmodel.domain.config.repository import Config
from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.digest import Digest
from gitmodel.domain.pointer import Pointer
from gitmodel.encoding.chunking.choose import (
    CONTENT_CHUNKER,
    GGUF_CHUNKER,
    SAFETENSORS_CHUNKER,
    ZIP_CHUNKER,
    ContentChunker,
    TensorChunker,
    choose_chunker,
)
from gitmodel.encoding.chunking.chunker import ChunkerId
from gitmodel.encoding.codecs.codec import Codec, decode
from gitmodel.encoding.manifest.manifest import ChunkLocation, Manifest, ManifestBuilder
from gitmodel.encoding.pack import read_pack
from gitmodel.formats.gguf import _TYPES
from gitmodel.store.claims import claim_key, read_claim
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.store.objects import MARKER_KEY, ObjectStore
from gitmodel.store.push_intents import write_intent
from gitmodel.store.registrations import other_projects, register
from tests.support.formats import pread, safetensors_file
from tests.support.stores import restored, store_bytes, store_folder

PAGE = Path(__file__).parents[2] / "docs" / "format.md"
TEXT = PAGE.read_text(encoding="utf-8")

SHARD = struct.pack("<512f", *[number % 8 / 8 for number in range(512)])
FILES = {
    "config.json": b'{"hidden": 4}\n',
    "empty": b"",
    "shard-1.bin": SHARD,
    "shard-2.bin": SHARD,
}


# A reader written from the page. What it checks is what the page says must be checked.


@dataclass
class MiniChunk:
    """One record of a pack, decoded."""

    offset: int
    codec: int
    stored_size: int
    hash: bytes
    raw: bytes


@dataclass
class MiniManifest:
    """One manifest, as columns."""

    kind: int
    requires: list[str]
    chunkers: list[str]
    paths: list[str]
    digests: list[bytes]
    sizes: list[int]
    counts: list[int]
    rules: list[int]
    packs: list[bytes]
    pack_sizes: list[int]
    sequence: list[int]
    hashes: list[bytes]
    raw_sizes: list[int]
    stored_sizes: list[int]
    pack_numbers: list[int]
    offsets: list[int]
    bases: list[int]
    codecs: bytes
    widths: bytes


def hash_of(data: bytes) -> bytes:
    return blake3.blake3(data).digest()


def decompress(frame: bytes, limit: int) -> bytes:
    size = zstandard.get_frame_parameters(frame).content_size
    assert size <= limit
    return zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False)


def mini_planes(stored: bytes, width: int, raw_size: int, *, sparse: bool = False) -> bytes:
    """The elements whose planes these are, and the bytes that fill no element."""
    count, rest = divmod(raw_size, width)
    sizes = struct.unpack_from(f"<{width}I", stored)
    at = 4 * width
    assert max(sizes) <= count
    assert at + sum(sizes) + rest == len(stored)
    planes = []
    for size in sizes:
        part = stored[at : at + size]
        if sparse and size != count and part[:4] != bytes.fromhex("28b52ffd"):
            planes.append(mini_sparse(part, count))
        else:
            planes.append(part if size == count else decompress(part, count))
        assert len(planes[-1]) == count
        at += size
    elements = (bytes(plane[i] for plane in planes) for i in range(count))
    return b"".join(elements) + stored[at:]


def mini_sparse(stored: bytes, count: int) -> bytes:
    """The plane of this length that is zero but for some entries."""
    entries, *sizes = struct.unpack_from("<4I", stored)
    assert entries <= count // 8
    assert 16 + sum(sizes) == len(stored)
    columns = []
    at = 16
    for size in sizes:
        part = stored[at : at + size]
        columns.append(part if size == entries else decompress(part, entries))
        at += size
    plane = bytearray(count)
    place = 0
    for number, (low, high, value) in enumerate(zip(*columns, strict=True)):
        assert number == 0 or low + 256 * high > 0
        place += low + 256 * high
        plane[place] = value
    return bytes(plane)


def mini_delta(difference: bytes, base: bytes, width: int) -> bytes:
    """The raw bytes, by a difference to others of the same length."""
    whole = len(difference) // width * width
    raw = bytearray()
    for at in range(0, whole, width):
        z = int.from_bytes(difference[at : at + width], "little")
        step = z // 2 if z % 2 == 0 else -((z + 1) // 2)
        number = int.from_bytes(base[at : at + width], "little") + step
        raw += (number % 256**width).to_bytes(width, "little")
    rest = zip(difference[whole:], base[whole:], strict=True)
    return bytes(raw) + bytes((one + other) % 256 for one, other in rest)


def mini_decode(codec: int, stored: bytes, width: int, raw_size: int, base: bytes | None) -> bytes:
    assert width in {0: {0}, 1: {0}, 2: set(range(1, 17)), 3: {1, 2, 4, 8}, 4: {1, 2, 4, 8}}[codec]
    assert (base is not None) == (codec in {3, 4})
    if codec == 0:
        raw = stored
    elif codec == 1:
        raw = decompress(stored, 16 << 20)
    else:
        raw = mini_planes(stored, width, raw_size, sparse=codec == 4)
    if base is not None:
        assert len(base) == raw_size
        raw = mini_delta(raw, base, width)
    assert len(raw) == raw_size
    return raw


def mini_pack(data: bytes, name: str) -> list[MiniChunk]:
    assert len(data) <= 16 << 20
    assert hash_of(data).hex() == name
    chunks = []
    at = 0
    while at < len(data):
        magic, codec, width, flags = struct.unpack_from("<4sBBH", data, at)
        raw_size, stored_size = struct.unpack_from("<II", data, at + 8)
        assert (magic, width, flags) == (b"gmc1", 0, 0)
        offset = at + 48
        at = offset + stored_size
        stored = data[offset:at]
        raw = stored if codec == 0 else decompress(stored, 16 << 20)
        assert len(raw) == raw_size
        assert hash_of(raw) == data[offset - 32 : offset]
        chunks.append(MiniChunk(offset, codec, stored_size, data[offset - 32 : offset], raw))
    assert at == len(data)
    return chunks


def mini_manifest(data: bytes) -> MiniManifest:
    assert data[:4] == b"gmm1"
    assert data[4:36] == hash_of(data[36:])
    content = decompress(data[36:], min(1 << 30, (16 << 20) + 16 * len(data[36:])))
    kind, places, length, packs, files = struct.unpack_from("<5I", content)
    chunkers, requires, text_size = struct.unpack_from("<HHI", content, 20)
    assert len(content) == 28 + text_size + 46 * files + 36 * packs + 4 * length + 54 * places
    at = 28

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return content[at - size : at]

    def numbers(count: int, size: int, *, signed: bool = False) -> list[int]:
        planes = [take(count) for _ in range(size)]
        return [
            int.from_bytes(bytes(plane[i] for plane in planes), "little", signed=signed)
            for i in range(count)
        ]

    def hashes(count: int) -> list[bytes]:
        return [take(32) for _ in range(count)]

    words = take(text_size).decode().split("\0")
    assert len(words) == requires + chunkers + files
    found = MiniManifest(
        kind=kind,
        requires=words[:requires],
        chunkers=words[requires : requires + chunkers],
        paths=words[requires + chunkers :],
        digests=hashes(files),
        sizes=numbers(files, 8),
        counts=numbers(files, 4),
        rules=numbers(files, 2),
        packs=hashes(packs),
        pack_sizes=numbers(packs, 4),
        sequence=numbers(length, 4),
        hashes=hashes(places),
        raw_sizes=numbers(places, 4),
        stored_sizes=numbers(places, 4),
        pack_numbers=numbers(places, 4),
        offsets=numbers(places, 4),
        bases=numbers(places, 4, signed=True),
        codecs=take(places),
        widths=take(places),
    )
    assert at == len(content)
    return found


def mini_folder_digest(files: dict[str, bytes]) -> str:
    state = blake3.blake3(derive_key_context="gitmodel 2026 folder v1")
    for path in sorted(name.encode() for name in files):
        data = files[path.decode()]
        state.update(
            path + b"\0" + str(len(data)).encode() + b"\0" + hash_of(data).hex().encode() + b"\n"
        )
    return str(state.hexdigest())


def mini_listed(files: list[tuple[str, list[bytes]]]) -> bytes:
    """What the digest of a chunk list is computed from: paths, each with its chunks."""
    listed = b""
    for path, chunks in files:
        listed += path.encode() + b"\0"
        listed += struct.pack("<QQ", sum(map(len, chunks)), len(chunks))
        for chunk in chunks:
            listed += struct.pack("<Q", len(chunk)) + hash_of(chunk)
    return listed


def mini_chunk_list(listed: bytes) -> str:
    return str(blake3.blake3(listed, derive_key_context="gitmodel 2026 chunks v1").hexdigest())


def mini_chunk(manifest: MiniManifest, packs: dict[str, bytes], number: int) -> bytes:
    """The raw bytes of one chunk."""
    base = None
    base_number = manifest.bases[number]
    if base_number != -1:
        assert manifest.bases[base_number] == -1
        base = mini_chunk(manifest, packs, base_number)
    pack = packs[manifest.packs[manifest.pack_numbers[number]].hex()]
    start = manifest.offsets[number]
    stored = pack[start : start + manifest.stored_sizes[number]]
    codec, width = manifest.codecs[number], manifest.widths[number]
    raw = mini_decode(codec, stored, width, manifest.raw_sizes[number], base)
    assert hash_of(raw) == manifest.hashes[number]
    return raw


def mini_restore(manifest: MiniManifest, packs: dict[str, bytes], digest: str) -> dict[str, bytes]:
    """All files, checked as the page asks for."""
    used = {manifest.codecs[number] for number in range(len(manifest.hashes))}
    words = {1: "zstd", 2: "planes", 3: "delta", 4: "sparse"}
    assert manifest.requires == sorted(words[codec] for codec in used - {0})
    chunks = [mini_chunk(manifest, packs, number) for number in range(len(manifest.hashes))]
    files = {}
    first = 0
    for path, count, size, name in zip(
        manifest.paths, manifest.counts, manifest.sizes, manifest.digests, strict=True
    ):
        data = b"".join(chunks[number] for number in manifest.sequence[first : first + count])
        assert (len(data), hash_of(data)) == (size, name)
        files[path] = data
        first += count
    assert first == len(manifest.sequence)
    found = mini_folder_digest(files) if manifest.kind == 1 else hash_of(files[""]).hex()
    assert found == digest
    return files


def mini_check(text: str) -> str:
    """The check line that belongs to a pointer's text as it stands."""
    lines = text.splitlines(keepends=True)
    while lines[0].startswith("#"):
        del lines[0]
    assert lines[-1].startswith("check: ")
    return hash_of("".join(lines[:-1]).encode()).hex()[:16]


def mini_cut(
    data: bytes, shortest: int = 65536, usual: int = 262144, longest: int = 1048576
) -> int:
    """Length of the first chunk."""
    n = min(longest, len(data))
    if n <= shortest:
        return n
    gear = [int.from_bytes(hashlib.md5(bytes([b]) * 64).digest()[:8], "big") for b in range(256)]  # noqa: S324 - the table is defined so
    h = 0
    even = n // 2 * 2
    for i in range(shortest, even):
        h = (2 * h + gear[data[i]]) % 2**64
        mask = 0x0000D91707537000 if i < min(usual, even) else 0x0000D90703537000
        if h & mask == 0:
            return i
    return n


MiniRun = tuple[int, str | None, int]  # size, name, width


def mini_safetensors(data: bytes) -> list[MiniRun]:
    widths = {"U8": 1, "BF16": 2, "F32": 4}
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    tensors = sorted((t["data_offsets"], name, t["dtype"]) for name, t in header.items())
    sizes = [(end - start, name, widths[dtype]) for (start, end), name, dtype in tensors]
    return [(8 + length, None, 0), *sizes]


def mini_pieces(runs: list[MiniRun]) -> list[tuple[int, str | None]]:
    """Size and key of each piece."""
    pieces: list[tuple[int, str | None]] = []
    members: list[str] = []
    group = between = 0

    def close() -> None:
        nonlocal group, between
        if members:
            one = len(members) == 1
            key = f"{members[0]}+0" if one else f"{members[0]}*{len(members)}={group}"
            pieces.append((group, key))
        if between:
            pieces.append((between, None))
        members.clear()
        group = between = 0

    for size, name, width in runs:
        if size == 0:
            continue
        if name is not None and size < 262144:
            drawn = int.from_bytes(hash_of(name.encode())[:4], "little")
            if group + between + size > 1048576 or drawn * 524288 < size * 2**32:
                close()
            members.append(name)
            group += between + size
            between = 0
        elif name is None and members and between + size <= 4096:
            between += size
        else:
            close()
            step = 4194304 - (4194304 % width if width else 0)
            for at in range(0, size, size if size <= 8388608 else step):
                part = size if size <= 8388608 else min(step, size - at)
                pieces.append((part, None if name is None else f"{name}+{at}"))
    close()
    return pieces


# The worked example of the page.


def blocks(caption: str) -> dict[str, tuple[str, str]]:
    """Name -> (language, text) of the code blocks behind lines such as: Object `KEY`:"""
    pattern = rf"^{caption} `([^`]+)`:\n\n```(\w+)\n(.*?)^```"
    found = re.findall(pattern, TEXT, re.MULTILINE | re.DOTALL)
    return {name: (language, body) for name, language, body in found}


def undumped(body: str) -> bytes:
    rows = re.findall(r"^([0-9a-f]{8})  ((?:[0-9a-f]{2} ?)+) *\|", body, re.MULTILINE)
    data = b""
    for offset, digits in rows:
        assert int(offset, 16) == len(data)
        data += bytes.fromhex(digits)
    return data


OBJECTS = {
    key: undumped(body) if language == "hexdump" else body.encode()
    for key, (language, body) in blocks("Object").items()
}
POINTER_TEXT = blocks("File")["models/tiny.model.yaml"][1]


def keys(prefix: str) -> list[str]:
    return [key for key in OBJECTS if key.startswith(prefix)]


def only(prefix: str) -> tuple[str, bytes]:
    (key,) = keys(prefix)
    return key, OBJECTS[key]


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """The store of the page, as a folder."""
    for key, data in OBJECTS.items():
        path = tmp_path / "store" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return ObjectStore(FolderBackend(str(tmp_path / "store")))


def digest() -> str:
    found = re.search('^digest: "blake3:([0-9a-f]{64})"$', POINTER_TEXT, re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_page_is_enough_to_restore_the_weights() -> None:
    (pack_name, pack) = only("packs/")
    (manifest_name, manifest) = only("manifests/")
    name = pack_name.rpartition("/")[2]

    assert pack_name == f"packs/{name[:2]}/{name}"
    assert manifest_name == f"manifests/{digest()[:2]}/{digest()}"
    assert mini_restore(mini_manifest(manifest), {name: pack}, digest()) == FILES


def test_gitmodel_and_the_reader_of_the_page_see_the_same_pack() -> None:
    key, data = only("packs/")

    ours = [
        (record.offset, record.header.codec, record.header.stored_size, record.header.hash)
        for record in read_pack(data)
    ]
    assert [(c.offset, c.codec, c.stored_size, c.hash) for c in mini_pack(data, key[-64:])] == ours


def test_gitmodel_and_the_reader_of_the_page_see_the_same_manifest() -> None:
    _, data = only("manifests/")
    mini = mini_manifest(data)
    ours = Manifest.from_bytes(data, expected=Digest(digest()))

    assert mini.kind == ("file", "folder").index(ours.kind)
    assert mini.requires == list(ours.requires)
    assert mini.chunkers == [str(chunker) for chunker in ours.chunkers] == [str(CONTENT_CHUNKER)]
    assert mini.paths == [file.path for file in ours.files]
    assert mini.digests == [file.digest.raw for file in ours.files]
    assert mini.sizes == [file.size for file in ours.files]
    assert mini.counts == [file.count for file in ours.files]
    assert mini.rules == [0] * len(ours.files)
    assert [name.hex() for name in mini.packs] == list(ours.packs)
    assert mini.pack_sizes == list(ours.pack_sizes)
    assert mini.sequence == list(ours.sequence)
    for number, place in enumerate(map(ours.chunk, range(ours.chunk_count))):
        assert mini.hashes[number] == place.hash
        assert mini.raw_sizes[number] == place.raw_size
        assert mini.stored_sizes[number] == place.stored_size
        assert mini.pack_numbers[number] == place.pack
        assert mini.offsets[number] == place.offset
        assert mini.bases[number] == place.base
        assert (mini.codecs[number], mini.widths[number]) == (place.codec, place.width)


def test_the_content_printed_in_the_page_is_that_of_the_manifest() -> None:
    printed = re.search(
        r"^Content of that manifest.*?```hexdump\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
    )
    assert printed is not None

    _, data = only("manifests/")
    assert undumped(printed[1]) == decompress(data[36:], 1 << 30)


def test_gitmodel_writes_today_what_the_page_shows(tmp_path: Path) -> None:
    """But for the frames, which may change with the zstd library."""
    cache = Cache(str(tmp_path / "cache"))
    fresh = store_folder(cache, FILES, tmp_path)
    shown = mini_manifest(only("manifests/")[1])
    written = mini_manifest((tmp_path / "cache" / manifest_key(fresh.digest)).read_bytes())
    (pack,) = fresh.packs

    assert fresh.digest.hex == digest()
    for column in ("kind", "requires", "chunkers", "paths", "digests", "sizes", "counts", "rules"):
        assert getattr(written, column) == getattr(shown, column), column
    for column in ("sequence", "hashes", "raw_sizes", "pack_numbers", "bases", "codecs", "widths"):
        assert getattr(written, column) == getattr(shown, column), column
    chunks = mini_pack((tmp_path / "cache" / pack_key(pack)).read_bytes(), pack)
    assert [chunk.raw for chunk in chunks] == [FILES["config.json"], SHARD]


def test_the_pointer_of_the_page_is_canonical_and_its_check_fits() -> None:
    pointer = Pointer.from_text(POINTER_TEXT, what="docs/format.md")

    assert pointer.to_text() == POINTER_TEXT
    assert f'check: "{mini_check(POINTER_TEXT)}"' in POINTER_TEXT
    assert pointer.digest.hex == mini_folder_digest(FILES)
    assert pointer.size == sum(map(len, FILES.values()))


def test_the_pointer_of_the_page_states_the_chunks_of_its_manifest() -> None:
    printed = re.search(
        r"^What `chunks` is the digest of:\n\n```hexdump\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
    )
    pointer = Pointer.from_text(POINTER_TEXT, what="docs/format.md")
    ours = Manifest.from_bytes(only("manifests/")[1], expected=pointer.digest)
    listed = mini_listed([(path, [data] if data else []) for path, data in FILES.items()])

    assert printed is not None
    assert undumped(printed[1]) == listed
    assert f'chunks: "blake3:{mini_chunk_list(listed)}"\n' in POINTER_TEXT
    assert pointer.chunks == ours.chunk_list()


def test_the_vectors_of_chunk_lists_are_what_gitmodel_computes() -> None:
    vectors: list[list[tuple[str, list[bytes]]]] = [
        [("", [])],
        [("", [b"abc", b"def"])],
        [("", [b"abcd", b"ef"])],
        [("a", [b"abc", b"def"]), ("b/c", []), ("ü", [b"def"])],
    ]
    for files in vectors:
        expected = mini_chunk_list(mini_listed(files))

        assert manifest_of(files).chunk_list().hex == expected
        assert f"| `{expected}` |" in TEXT


def manifest_of(files: list[tuple[str, list[bytes]]]) -> Manifest:
    """A manifest that gitmodel builds of these chunks, in a pack that nobody wrote."""
    builder = ManifestBuilder()
    builder.add_pack("0" * 64, 1000)
    contents = {path: b"".join(chunks) for path, chunks in files}
    for path, chunks in files:
        places = [ChunkLocation(hash_of(c), len(c), len(c), 0, 48, Codec.RAW) for c in chunks]
        content = contents[path]
        builder.add_file(
            path,
            len(content),
            Digest(hash_of(content).hex()),
            map(builder.add_chunk, places),
            chunker=ChunkerId("fixed-v1", (3,)),
        )
    if list(contents) == [""]:
        return builder.build(Digest(hash_of(contents[""]).hex()), "file")
    return builder.build(Digest(mini_folder_digest(contents)), "folder")


def test_gitmodel_reads_the_store_of_the_page(store: ObjectStore, tmp_path: Path) -> None:
    pointer = Pointer.from_text(POINTER_TEXT, what="docs/format.md")
    marker = store.marker()
    manifest = store.manifest(pointer.digest)
    claim = read_claim(store, "demo", pointer.name, pointer.version)

    assert marker is not None
    assert marker.to_bytes() == OBJECTS[MARKER_KEY]
    assert manifest is not None
    cache = Cache(str(tmp_path / "store"))  # one layout, so a store can be read as a cache
    assert restored(cache, manifest, tmp_path) == FILES
    assert claim is not None
    assert claim.digest == pointer.digest
    assert claim.to_text().encode() == OBJECTS[claim_key("demo", pointer.name, pointer.version)]
    assert other_projects(store, "demo", "another") == ["9c1f22ab"]


def test_the_small_objects_of_the_page_are_what_gitmodel_writes(
    store: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "fresh").mkdir()
    fresh = ObjectStore(FolderBackend(str(tmp_path / "fresh")))
    pointer = Pointer.from_text(POINTER_TEXT, what="docs/format.md")
    manifest = store.manifest(pointer.digest)
    assert manifest is not None

    register(fresh, "demo", "9c1f22ab", "https://git.example.org/team/demo.git")
    intent, _ = only("gc/intents/")
    write_intent(
        fresh,
        Path(intent).stem,
        digests=[pointer.digest],
        packs=manifest.packs,
        at="2026-05-01T09:30:00Z",
    )

    for key in (*keys("projects/"), intent):
        assert (tmp_path / "fresh" / key).read_bytes() == OBJECTS[key], key


def test_the_other_text_files_of_the_page_are_read() -> None:
    alias, deprecated, config = re.findall(
        r"^```yaml\n((?:# [^\n]*\n)?gitmodel:.*?)^```", TEXT, re.MULTILINE | re.DOTALL
    )[0:3]

    path = "models/fraud.production.alias.yaml"
    assert Alias.from_text(alias, path).to_text() == alias
    assert Deprecations.from_text(deprecated, what="docs/format.md").to_text() == deprecated
    assert Config.from_text(config).project == "fraud-detection"


def test_the_cutter_is_what_the_page_says() -> None:
    noise = hashlib.shake_256(b"gitmodel 1").digest(1_600_000)
    expected = ContentChunker().feed(memoryview(noise), final=True)
    lengths: list[int] = []
    while sum(lengths) < len(noise):
        lengths.append(mini_cut(noise[sum(lengths) :]))

    assert lengths == expected
    assert expected[:3] == [268260, 246771, 315723]
    printed = ", ".join(map(str, expected[:4]))
    assert printed in " ".join(TEXT.split())


def test_a_chunk_of_an_odd_length_is_cut_as_the_page_says() -> None:
    for size in (65_536, 65_537, 100_001, 262_145, 300_003):
        data = hashlib.shake_256(b"odd").digest(size)
        assert mini_cut(data) == ContentChunker().feed(memoryview(data), final=True)[0]


def weights(seed: int, steps: int = 0, every: int = 1) -> dict[str, bytes]:
    """Tensors of bf16 as training leaves them; each `every`th number moved by up to `steps`."""
    draw = random.Random(seed)  # noqa: S311 - test data, not secrets
    move = random.Random(steps)  # noqa: S311
    tensors = {}
    for name, count in (("emb", 150_000), ("norm", 500), ("bias", 701)):
        numbers = (
            int.from_bytes(struct.pack("<f", draw.gauss(0, 0.02))[2:], "little")
            for _ in range(count)
        )
        moved = [
            (number + (0 if place % every else move.randint(-steps, steps))) % 65536
            for place, number in enumerate(numbers)
        ]
        tensors[name] = struct.pack(f"<{count}H", *moved)
    return tensors


def test_planes_and_deltas_are_decoded_as_the_page_says(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    kinds = [weights(1), weights(1, steps=3), weights(1, steps=300, every=50)]
    files = [safetensors_file(tensors, dtype="BF16") for tensors in kinds]
    stored: list[Manifest] = []
    for data in files:
        stored.append(store_bytes(cache, data, tmp_path, reuse=stored[-1:]))

    codecs = set()
    for data, manifest in zip(files, stored, strict=True):
        raw = (tmp_path / "cache" / manifest_key(manifest.digest)).read_bytes()
        packs = {n: (tmp_path / "cache" / pack_key(n)).read_bytes() for n in manifest.packs}
        mini = mini_manifest(raw)
        assert mini_restore(mini, packs, manifest.digest.hex) == {"": data}
        codecs |= set(zip(mini.codecs, mini.widths, strict=True))
    assert {(Codec.PLANES, 2), (Codec.DELTA, 2), (Codec.SPARSE, 2)} <= codecs


def test_the_delta_of_the_page_is_decoded_to_what_it_says() -> None:
    printed = re.search(
        r"with width 2 and raw size 5.*?```hexdump\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
    )
    base, raw = bytes.fromhex("ff3f004003"), bytes.fromhex("0040ff3f05")
    assert printed is not None
    payload = undumped(printed[1])

    assert mini_decode(3, payload, 2, 5, base) == raw
    assert bytes(decode(Codec.DELTA, payload, raw_size=5, width=2, base=base)) == raw


def test_the_sparse_plane_of_the_page_is_decoded_to_what_it_says() -> None:
    """As the first plane of a difference to zeros: steps of -4, -1, -1 and -5 are 7, 1, 1 and 9."""
    printed = re.search(
        r"with c = 64, the four entries.*?```hexdump\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
    )
    assert printed is not None
    plane = undumped(printed[1])
    entries = {3: 7, 5: 1, 6: 1, 63: 9}
    expected = bytes(entries.get(place, 0) for place in range(64))
    payload = struct.pack("<I", len(plane)) + plane
    raw = bytes(-((z + 1) // 2) % 256 for z in expected)

    assert mini_sparse(plane, 64) == expected
    assert mini_decode(4, payload, 1, 64, bytes(64)) == raw
    assert bytes(decode(Codec.SPARSE, payload, raw_size=64, width=1, base=bytes(64))) == raw


def test_a_header_is_cut_as_the_page_says() -> None:
    sizes = {f"layer.{number}": 40_000 for number in range(300)}
    even = safetensors_file({name: bytes(size) for name, size in sizes.items()}, dtype="F32")
    draw = random.Random(5)  # noqa: S311 - test data, not secrets
    mixed = safetensors_file(
        {
            f"t{number}": bytes(draw.choice([0, 8, 3000, 90_000, 262_143, 262_144, 9 << 20]))
            for number in range(60)
        }
    )
    for data in (even, mixed):
        chunker = choose_chunker(pread(data), len(data))
        expected = mini_pieces(mini_safetensors(data))

        assert isinstance(chunker, TensorChunker)
        assert chunker.id == SAFETENSORS_CHUNKER
        assert [(piece.size, piece.key) for piece in chunker.planned] == expected
        assert chunker.feed(memoryview(data), final=True) == [size for size, _ in expected]
    printed = ", ".join(str(size) for size, _ in mini_pieces(mini_safetensors(even))[1:6])
    assert printed in " ".join(TEXT.split())


def test_the_page_names_the_cutters_that_are_written() -> None:
    for chunker in (CONTENT_CHUNKER, SAFETENSORS_CHUNKER, ZIP_CHUNKER, GGUF_CHUNKER):
        assert f"`{chunker.name}" in TEXT
        assert " ".join(map(str, chunker.parameters)) in " ".join(TEXT.split())


def test_the_page_has_the_blocks_of_gguf() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+: \d+(?:, \d+: \d+)*) \|$", TEXT, re.MULTILINE)
    printed = {
        int(kind): (int(elements), int(size))
        for elements, row in rows
        for kind, size in re.findall(r"(\d+): (\d+)", row)
    }

    assert printed == {kind: (elements, width) for kind, (_, elements, width) in _TYPES.items()}
