"""Files of tensors in the formats that are cut by their headers, made byte by byte.

Each builder takes tensors as name to bytes, in file order, and writes what the usual writer writes.
`pread` serves such bytes to a reader of headers, `OnlySome` serves parts of them.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

F32 = 0  # ggml's number of the type


def pread(data: bytes) -> Callable[[int, int], bytes]:
    """Return a function that reads these bytes as os.pread reads a file."""

    def read(offset: int, count: int) -> bytes:
        assert offset >= 0, "a file has no bytes before its first"
        assert 0 <= count <= 16 << 20, "the bound on what is read at a time"
        return data[offset : offset + count]

    return read


def pread_only(data: bytes, spans: Iterable[tuple[int, int]]) -> Callable[[int, int], bytes]:
    """Return a function that reads bytes inside one span (start, end) of neighbours; LookupError elsewhere."""
    known = bytearray(len(data))
    for start, end in spans:
        known[start:end] = b"\1" * (end - start)

    def read(offset: int, count: int) -> bytes:
        if 0 in known[offset : offset + count]:
            raise LookupError(offset)
        return data[offset : offset + count]

    return read


def safetensors_file(
    tensors: Mapping[str, bytes], *, dtype: str = "U8", metadata: Mapping[str, str] | None = None
) -> bytes:
    """Write a safetensors file of one-dimensional tensors."""
    bits = {"U8": 8, "BF16": 16, "F32": 32}[dtype]
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    start = 0
    for name, data in tensors.items():
        end = start + len(data)
        shape = [len(data) * 8 // bits]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
        start = end
    return raw_safetensors(json.dumps(header, separators=(",", ":")), b"".join(tensors.values()))


def raw_safetensors(header: str | bytes, data: bytes = b"", *, length: int | None = None) -> bytes:
    """Write a safetensors file with any header; `length` is what the first eight bytes say."""
    text = header.encode() if isinstance(header, str) else header
    if length is None:
        text += b" " * (-len(text) % 8)
        length = len(text)
    return struct.pack("<Q", length) + text + data


def zip_file(
    entries: Mapping[str, bytes], *, compressed: Sequence[str] = (), comment: bytes = b""
) -> bytes:
    """Write a zip archive; entries are stored as they are, unless named in `compressed`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.comment = comment
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            kind = zipfile.ZIP_DEFLATED if name in compressed else zipfile.ZIP_STORED
            archive.writestr(info, data, kind)
    return stream.getvalue()


def gguf_string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


def gguf_pair(key: str, kind: int, value: bytes) -> bytes:
    return gguf_string(key) + struct.pack("<I", kind) + value


def gguf_tensor(name: str, shape: Sequence[int], kind: int, offset: int) -> bytes:
    fields = struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", one) for one in shape)
    return gguf_string(name) + fields + struct.pack("<IQ", kind, offset)


def gguf_header(pairs: Sequence[bytes], tensors: Sequence[bytes], *, version: int = 3) -> bytes:
    counts = struct.pack("<4sIQQ", b"GGUF", version, len(tensors), len(pairs))
    return counts + b"".join(pairs) + b"".join(tensors)


def gguf_file(
    tensors: Mapping[str, bytes],
    *,
    kind: int = F32,
    block: tuple[int, int] = (1, 4),
    pairs: Sequence[bytes] = (),
    alignment: int = 32,
) -> bytes:
    """Write a GGUF file of one-dimensional tensors of one type, whose block is (elements, bytes)."""
    if alignment != 32:
        pairs = [*pairs, gguf_pair("general.alignment", 4, struct.pack("<I", alignment))]
    described, body = [], b""
    for name, data in tensors.items():
        body += bytes(-len(body) % alignment)
        shape = [len(data) // block[1] * block[0]]
        described.append(gguf_tensor(name, shape, kind, len(body)))
        body += data
    header = gguf_header(pairs, described)
    return header + bytes(-len(header) % alignment) + body + bytes(-len(body) % alignment)
