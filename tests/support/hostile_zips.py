"""Zip archives that readers disagree about, or that hold more than tensors, each written byte by byte."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from dataclasses import dataclass, field

from tests.support.hostile_pickles import LISTED, SHELL, Case, body

GOOD = LISTED
EVIL = body(SHELL, 2)
STORED, DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class Part:
    """An entry. What its two headers say can differ from each other and from what is there."""

    name: bytes
    data: bytes = b""
    method: int = STORED
    flags: int = 0
    local_name: bytes | None = None
    local_method: int | None = None
    local_flags: int | None = None
    local_size: int | None = None
    size: int | None = None
    full_size: int | None = None
    checksum: int | None = None
    before: bytes = b""  # bytes before its own header
    after: bytes = b""  # bytes after its data: a descriptor
    at: int | None = None  # the offset that the directory says
    extra: bytes = b""
    local_extra: bytes = b""
    comment: bytes = b""
    listed: bool = True  # in the directory


VERSION = Part(b"m/version", b"3\n")


@dataclass(slots=True)
class Archive:
    """An archive, as its parts and what stands around them."""

    parts: list[Part] = field(default_factory=list)
    prefix: bytes = b""
    comment: bytes = b""
    suffix: bytes = b""

    def data(self, base: int = 0) -> bytes:
        """Write it, for a place `base` bytes into a file."""
        out = bytearray(self.prefix)
        directory = bytearray()
        count = 0
        for part in self.parts:
            out += part.before
            at = base + len(out)
            local, central = _headers(part, at if part.at is None else part.at)
            out += local
            if part.listed:
                directory += central
                count += 1
        start = base + len(out)
        out += directory
        end = (b"PK\x05\x06", 0, 0, count, count, len(directory), start, len(self.comment))
        return bytes(out) + struct.pack("<4sHHHHIIH", *end) + self.comment + self.suffix


def _headers(part: Part, at: int) -> tuple[bytes, bytes]:
    packed = part.data
    if part.method == DEFLATED:
        engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = engine.compress(part.data) + engine.flush()
    checksum = zlib.crc32(part.data) if part.checksum is None else part.checksum
    size = len(packed) if part.size is None else part.size
    full_size = len(part.data) if part.full_size is None else part.full_size
    name = part.name if part.local_name is None else part.local_name
    method = part.method if part.local_method is None else part.local_method
    flags = part.flags if part.local_flags is None else part.local_flags
    local_size = size if part.local_size is None else part.local_size
    sizes = (0, 0, 0) if flags & 8 else (checksum, local_size, full_size)
    lengths = (len(name), len(part.local_extra))
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, flags, method, 0, 33, *sizes, *lengths)
    ending = (len(part.name), len(part.extra), len(part.comment), 0, 0, 0, at)
    start = (b"PK\x01\x02", 20, 20, part.flags, part.method, 0, 33)
    central = struct.pack("<4sHHHHHHIIIHHHHHII", *start, checksum, size, full_size, *ending)
    here = local + name + part.local_extra + packed + part.after
    return here, central + part.name + part.extra + part.comment


def torch(*more: Part, pickle: bytes = GOOD, **changes: object) -> Archive:
    """What `torch.save` writes, but for padding, with other entries behind it."""
    data = Part(b"m/data.pkl", pickle, **changes)  # type: ignore[arg-type]
    return Archive([data, VERSION, *more])


def npy(descr: str, shape: str, data: bytes) -> bytes:
    """An array of NumPy."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def _two_directories() -> bytes:
    """An archive, and behind it a directory of another entry, which ends the file."""
    first = torch(pickle=EVIL).data()
    hidden = Archive([Part(b"m/data.pkl", GOOD), VERSION]).data(len(first))
    return first + hidden


def _long_directory(data: bytes) -> bytes:
    """The same archive with a zip64 record that names no entry."""
    at = len(data) - 22
    record = (b"PK\x06\x06", 44, 45, 45, 0, 0, 0, 0, 0, at)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    return data[:at] + struct.pack("<4sQHHIIQQQQ", *record) + locator + data[at:]


def _unicode_path(name: bytes, other: bytes) -> bytes:
    """A field by which some readers give an entry another name."""
    value = b"\x01" + struct.pack("<I", zlib.crc32(name)) + other
    return struct.pack("<HH", 0x7075, len(value)) + value


def _shared_entry() -> bytes:
    """Two entries of the directory name the same bytes."""
    return torch(Part(b"m/data/0", at=0, size=len(GOOD), full_size=len(GOOD))).data()


LEGACY = b"".join(
    (
        body(b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", 2),
        body(b"M\xe9\x03", 2),
        body(b"}", 2),
    )
)


def _tar_and_pickle() -> bytes:
    """A tar archive, the name of whose first member is the beginning of PyTorch's old format."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("x" * 90)
        archive.addfile(member)
    header = bytearray(stream.getvalue()[:512])
    rest = len(header) - len(LEGACY) - 5
    pickles = LEGACY[:-5] + b"\x80\x02B" + struct.pack("<I", rest)
    header[: len(pickles)] = pickles
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"." + body(b"}", 2) + body(b"]", 2)


def _storage(data: bytes, entry: Part) -> bytes:
    """A tensor of two numbers, whose storage is this entry."""
    return torch(entry, pickle=data).data()


_STORAGE = (
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQ"
)
TENSOR = body(
    b"ctorch._utils\n_rebuild_tensor_v2\n(" + _STORAGE
    + b"K\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR",
    2,
)  # fmt: skip
OUTSIDE = TENSOR.replace(b"K\x00K\x02\x85", b"K\x00K\x03\x85")

# Archives of PyTorch. An event is what `torch.load` or `numpy.load` is seen to do.
TORCH = (
    Case("code in data.pkl", torch(pickle=EVIL).data(), "os.system"),
    Case("code in a deflated data.pkl", torch(pickle=EVIL, method=DEFLATED).data(), "os.system"),
    Case("code in another folder", Archive([Part(b"n/data.pkl", EVIL), VERSION, Part(b"m/data.pkl", GOOD)]).data(), None),
    Case("two data.pkl, code in the first", torch(Part(b"m/data.pkl", GOOD), pickle=EVIL).data(), None),
    Case("two data.pkl, code in the last", torch(Part(b"m/data.pkl", EVIL)).data(), "os.system"),
    Case("data.pkl in another case", torch(Part(b"m/DATA.PKL", EVIL)).data(), "os.system"),
    Case("data.pkl in another case first", Archive([Part(b"m/Data.pkl", EVIL), Part(b"m/data.pkl", GOOD)]).data(), None),
    Case("data.pkl in another case only", Archive([Part(b"m/DATA.PKL", EVIL), VERSION]).data(), "os.system"),
    Case("data.pkl in two folders", torch(Part(b"n/data.pkl", EVIL)).data(), None),
    Case("data.pkl in a folder below", torch(Part(b"m/m/data.pkl", EVIL)).data(), None),
    Case("pickle behind the pickle", torch(pickle=GOOD + EVIL).data(), None),
    Case("name that differs in its own header", torch(pickle=EVIL, local_name=b"m/data.txt").data(), "os.system"),
    Case("name that differs in the directory", Archive([Part(b"m/data.pkl", EVIL), Part(b"m/data/1", GOOD, local_name=b"m/data.pkl"), VERSION]).data(), "os.system"),
    Case("method that differs", torch(pickle=EVIL, local_method=DEFLATED).data(), "os.system"),
    Case("size that differs", torch(pickle=GOOD + EVIL, local_size=len(GOOD)).data(), None),
    Case("size that is shorter", torch(pickle=GOOD + EVIL, size=len(GOOD), full_size=len(GOOD)).data(), None),
    Case("flags that differ", torch(pickle=GOOD, local_flags=0x0002).data(), None),
    Case("checksum that differs from its descriptor", torch(flags=8, after=b"PK\x07\x08" + bytes(12)).data(), None),
    Case("entry that the directory does not have", torch(Part(b"m/data.pkl", EVIL, listed=False)).data(), None),
    Case("entry before, that the directory does not have", Archive([Part(b"m/data.pkl", EVIL, listed=False), Part(b"m/data.pkl", GOOD)]).data(), None),
    Case("entry that the directory finds elsewhere", Archive([Part(b"m/data.pkl", GOOD, listed=False), Part(b"m/data.pkl", EVIL), VERSION]).data(), "os.system"),
    Case("bytes before the archive", Archive([Part(b"m/data.pkl", GOOD)], prefix=b"PK\x03\x04").data(), None),
    Case("bytes between entries", torch(Part(b"m/data/0", before=EVIL)).data(), None),
    Case("bytes after an entry", torch(after=EVIL).data(), None),
    Case("bytes before the directory", torch(Part(b"m/data/0", after=EVIL)).data(), None),
    Case("bytes after the archive", Archive([Part(b"m/data.pkl", GOOD)], suffix=EVIL).data(), None),
    Case("comment", Archive([Part(b"m/data.pkl", GOOD)], comment=EVIL).data(), None),
    Case("comment of an entry", torch(comment=EVIL).data(), None),
    Case("two archives", _two_directories(), None),
    Case("two archives, the other way", torch().data() + torch(pickle=EVIL).data(len(torch().data())), "os.system"),
    Case("two directories of two lengths", _long_directory(torch(pickle=EVIL).data()), None),
    Case("another name in a field", Archive([Part(b"m/data.txt", EVIL, extra=_unicode_path(b"m/data.txt", b"m/data.pkl")), Part(b"m/data.pkl", GOOD)]).data(), None),
    Case("another name in a field of its own header", torch(Part(b"m/data/0", EVIL, local_extra=_unicode_path(b"m/data/0", b"m/data.pkl"))).data(), None),
    Case("encrypted", torch(flags=1).data(), None),
    Case("method that nobody reads", torch(method=14).data(), None),
    Case("two entries of the same bytes", _shared_entry(), None),
    Case("more bytes than it says", torch(pickle=GOOD + EVIL, method=DEFLATED, full_size=len(GOOD)).data(), None),
    Case("fewer bytes than it says", torch(method=DEFLATED, full_size=1 << 16).data(), None),
    Case("thousand times as many bytes", torch(pickle=body(b"N0" * (1 << 15)), method=DEFLATED).data(), None),
    Case("name with a zero", torch(Part(b"m/data.pkl\0.txt", EVIL)).data(), None),
    Case("name with a backslash", torch(Part(b"m\\data.pkl", EVIL)).data(), None),
    Case("name that goes up", torch(Part(b"m/../data.pkl", EVIL)).data(), None),
    Case("name of a folder", torch(Part(b"m/data.pkl/", EVIL)).data(), None),
    Case("other entry", torch(Part(b"m/extra/hook.py", b"print()")).data(), None),
    Case("constants of a script", torch(Part(b"m/constants.pkl", body(b")", 2))).data(), None),
    Case("code of a script", torch(Part(b"m/code/__torch__.py", b"")).data(), None),
    Case("storage that is missing", torch(pickle=TENSOR).data(), None),
    Case("storage that is shorter", _storage(TENSOR, Part(b"m/data/0", bytes(4))), None),
    Case("storage that is compressed", _storage(TENSOR, Part(b"m/data/0", bytes(8), method=DEFLATED)), None),
    Case("tensor that ends outside its storage", _storage(OUTSIDE, Part(b"m/data/0", bytes(8))), None),
    Case("old format, code in the object", LEGACY + EVIL + body(b"]", 2), "os.system"),
    Case("old format, code in the keys", LEGACY + body(b"}", 2) + EVIL, "os.system"),
    Case("old format, code in the machine's pickle", LEGACY[:-4] + EVIL + body(b"}", 2) + body(b"]", 2), "os.system"),
    Case("old format, bytes behind", LEGACY + body(b"}", 2) + body(b"]", 2) + EVIL, None),
    Case("old format that is a tar archive", _tar_and_pickle(), None),
)  # fmt: skip
ARRAYS = (
    Case("array of objects", npy("'|O'", "(1,)", EVIL), "os.system"),
    Case("array with a field of objects", npy("[('a', '|O'), ('b', '<i4')]", "(1,)", EVIL), "os.system"),
    Case("array with a field of fields of objects", npy("[('a', [('b', '|O')])]", "(1,)", EVIL), "os.system"),
    Case("array and a pickle behind", npy("'<i4'", "(1,)", bytes(4)) + EVIL, None),
    Case("array of objects in an archive", Archive([Part(b"a.npy", npy("'|O'", "(1,)", EVIL))]).data(), "os.system"),
    Case("compressed array of objects", Archive([Part(b"a.npy", npy("'|O'", "(1,)", EVIL), method=DEFLATED)]).data(), "os.system"),
    Case("array of objects behind others", Archive([Part(b"a.npy", npy("'<i4'", "(1,)", bytes(4))), Part(b"b.npy", npy("'|O'", "(1,)", EVIL))]).data(), "os.system"),
    Case("entry that is no array", Archive([Part(b"a.npy", npy("'<i4'", "(1,)", bytes(4))), Part(b"b.npy", EVIL)]).data(), None),
    Case("entry without the ending", Archive([Part(b"a.npy", npy("'<i4'", "(1,)", bytes(4))), Part(b"b", npy("'|O'", "(1,)", EVIL))]).data(), "os.system"),
    Case("two arrays of one name", Archive([Part(b"a.npy", npy("'<i4'", "(1,)", bytes(4))), Part(b"a.npy", npy("'|O'", "(1,)", EVIL))]).data(), "os.system"),
    Case("header that is a program", npy("__import__('os').system(':')", "(1,)", b""), None),
)  # fmt: skip


def _safetensors_and_pickle(start: bytes) -> bytes:
    """A file of safetensors, the length of whose header begins a pickle, and whose first key goes on with it."""
    module = "multiprocessing.popen_spawn_posix"
    path = "util.os.path.os.path.os.path.os.system"
    pushed = [f"U{chr(len(text))}{text}" for text in (module, path)]
    shell = ":".ljust(33)
    key = f"{'a' * (start.index(b'G') - 1)}{pushed[0]}{pushed[1]}q\x93U{chr(len(shell))}{shell}q\x85R."
    entry = ':{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    header = f'{{"{key}"{entry}'.encode()
    return start + header.ljust(int.from_bytes(start, "little")) + b"\0"


# Protocol 4, then a number of eight bytes. Without the protocol, the name has no dots and is not found.
TWO_FORMATS = Case(
    "safetensors that is a pickle", _safetensors_and_pickle(b"\x80\x04G\0\0\0\0\0"), "os.system"
)
TWO_FORMATS_OLD = Case(
    "safetensors that is an old pickle", _safetensors_and_pickle(b"NG \0\0\0\0\0"), None
)
ZIPS = (*TORCH, *ARRAYS)
