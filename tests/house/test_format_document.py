"""docs/format.md can be read by somebody who has nothing else.

The first half of this file is a reader written from that page: struct, zstandard and blake3, nothing of
gitmodel. It reads the worked example of the page, and gitmodel must find the same in it.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import blake3
import pytest
import zstandard

from gitmodel.domain.aliases import Aliases
from gitmodel.domain.config import Config
from gitmodel.domain.digest import Digest
from gitmodel.domain.pointer import Pointer
from gitmodel.encoding.cut import CONTENT_CUTTER, content_cutter
from gitmodel.encoding.manifest import Manifest
from gitmodel.encoding.pack import read_pack
from gitmodel.store.cache import Cache
from gitmodel.store.claims import claim_key, read_claim
from gitmodel.store.folder import FolderBackend
from gitmodel.store.intents import write_intent
from gitmodel.store.objects import MARKER_KEY, ObjectStore, manifest_key, pack_key
from gitmodel.store.projects import other_projects, register
from tests.support.stores import restored, store_folder

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
    cutters: list[str]
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
    cutters, requires, text_size = struct.unpack_from("<HHI", content, 20)
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
    assert len(words) == requires + cutters + files
    found = MiniManifest(
        kind=kind,
        requires=words[:requires],
        cutters=words[requires : requires + cutters],
        paths=words[requires + cutters :],
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


def mini_restore(manifest: MiniManifest, packs: dict[str, bytes], digest: str) -> dict[str, bytes]:
    """All files of a folder, checked as the page asks for."""
    chunks = []
    for number, name in enumerate(manifest.hashes):
        pack = packs[manifest.packs[manifest.pack_numbers[number]].hex()]
        start = manifest.offsets[number]
        stored = pack[start : start + manifest.stored_sizes[number]]
        raw = stored if manifest.codecs[number] == 0 else decompress(stored, 16 << 20)
        assert len(raw) == manifest.raw_sizes[number]
        assert hash_of(raw) == name
        chunks.append(raw)
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
    assert mini_folder_digest(files) == digest
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
    assert mini.cutters == [str(cutter) for cutter in ours.cutters] == [str(CONTENT_CUTTER)]
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
    for column in ("kind", "requires", "cutters", "paths", "digests", "sizes", "counts", "rules"):
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
    aliases, config = re.findall(
        r"^```yaml\n((?:# [^\n]*\n)?(?:aliases|gitmodel):.*?)^```", TEXT, re.MULTILINE | re.DOTALL
    )[:2]

    assert Aliases.from_text(aliases, what="docs/format.md").to_text() == aliases
    assert Config.from_text(config).project == "fraud-detection"


def test_the_cutter_is_what_the_page_says() -> None:
    noise = hashlib.shake_256(b"gitmodel 1").digest(1_600_000)
    expected = content_cutter().feed(memoryview(noise), final=True)
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
        assert mini_cut(data) == content_cutter().feed(memoryview(data), final=True)[0]
