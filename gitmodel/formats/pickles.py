"""Pickles in files of their own: plain ones, those of joblib, and what PyTorch wrote before it used zip.

PyTorch's file of those days is five pickles and then the storages, each after the number of its elements.
Source: torch.serialization._legacy_save
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError
from gitmodel.formats.pickle_scan.findings import Findings, TooLongError
from gitmodel.formats.pickle_scan.machine import Machine
from gitmodel.formats.pickle_scan.stream import PickleStream, StoredBlocks

if TYPE_CHECKING:
    from gitmodel.formats.description import Code
    from gitmodel.formats.header import HeaderReader

_TORCH_MAGIC: Final = 0x1950A86A20F9469CFC6C
_TORCH_PROTOCOL: Final = 1001
_PLAIN_BUDGET: Final = 500_000  # opcodes
_MAX_PICKLES: Final = 100
_TAIL: Final = 22 + 0xFFFF  # bytes; a zip archive's last record is in there
# What joblib unpacks by itself, whatever a file is called: zlib (four levels), gzip, bz2, xz, lzma, lz4, and its
# own format of old.
_COMPRESSED: Final = (
    *(b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"\x1f\x8b", b"BZ", b"\xfd7zXZ", b"]\x00"),
    *(b"\x04\x22\x4d\x18", b"ZF"),
)


def describe_pickle(source: HeaderReader, name: str) -> Description:
    """Describe a file of pickles.

    Tensors are counted in PyTorch's files: every tensor that loading rebuilds, in whatever dict or list, also
    those of an optimizer. One that the pickle refers to again counts once. Raises ValueError if the file is
    no pickle, and also if an unpickler stops before it has met the name of a function.
    """
    if source.take(0, min(source.size, 8)).startswith(_COMPRESSED):
        return _compressed(name)
    findings = Findings(persistent_ids=False, budget=_PLAIN_BUDGET)
    stream = PickleStream(StoredBlocks(source, 0, source.size))
    kind = "joblib" if _is_joblib(name) else "pickle"
    if _walk(stream, findings) == _TORCH_MAGIC:
        kind = "pytorch"
        first, findings = findings, Findings(persistent_ids=True, views=True)
        findings.include(first)
        _walk_torch(stream, findings, source.size)
    elif findings.complete:
        _walk_rest(stream, findings)
    if findings.code == "listed" and _is_archive_too(source):
        findings.refuse()
    if any(one.startswith("joblib.") for one in findings.imports):
        kind = "joblib"
    found = Description(kind, code=findings.code, imports=findings.imports)
    if kind != "pytorch":
        return found
    counted = findings.tensors
    return found._replace(
        tensors=counted.tensors, parameters=counted.parameters, dtypes=counted.dtypes
    )


def code_as_pickle(source: HeaderReader) -> Code:
    """What an unpickler might run of a file of another format.

    `yes` if it names functions, or the file loads to its end; `unknown` if a bound ended the walk before that;
    `none` if an unpickler stops with an error.
    """
    findings = Findings(persistent_ids=False, budget=_PLAIN_BUDGET)
    try:
        Machine(PickleStream(StoredBlocks(source, 0, source.size)), findings).run()
    except TooLongError:
        findings.leave()
    except UnrecognizedFormatError:
        if findings.complete and not findings.has_names:
            return "none"
    return "yes" if findings.has_names or findings.complete else "unknown"


def walk_pickle(stream: PickleStream, findings: Findings) -> object:
    """Walk one pickle, and note what is broken or too long; returns what stands for the object."""
    try:
        return Machine(stream, findings).run()
    except TooLongError:
        findings.leave()
    except UnrecognizedFormatError:
        findings.refuse()
    return None


def _walk(stream: PickleStream, findings: Findings) -> object:
    """Walk the first pickle of a file. Raises ValueError if it breaks before it names a function."""
    try:
        return Machine(stream, findings).run()
    except TooLongError:
        findings.leave()
    except UnrecognizedFormatError:
        if not findings.has_names and findings.code != "yes":
            raise
        findings.refuse()
    return None


def _walk_rest(stream: PickleStream, findings: Findings) -> None:
    """Note bytes after the first pickle; pickles among them are walked for what they name."""
    for _ in range(_MAX_PICKLES):
        try:
            if stream.at_end():
                return
            findings.refuse()
            Machine(stream, findings).run()
        except UnrecognizedFormatError:
            return


def _walk_torch(stream: PickleStream, findings: Findings, size: int) -> None:
    """Walk the pickles after the magic number, and compare the length of the storages with the file's."""
    if walk_pickle(stream, findings) != _TORCH_PROTOCOL:
        findings.refuse()
    for _ in ("the machine that wrote it", "the object", "keys of storages"):
        walk_pickle(stream, findings)
    storages = sum(8 + width for width in findings.tensors.storages.values())
    if stream.position + storages != size:
        findings.refuse()


def _is_joblib(name: str) -> bool:
    return ".joblib" in name.rpartition("/")[2].lower()


def _compressed(name: str) -> Description:
    """Describe a compressed pickle, by its name alone: joblib unpacks it, and what is in there is not read."""
    base = name.rpartition("/")[2].lower()
    if ".joblib" not in base and ".pkl" not in base and ".pickle" not in base:
        raise UnrecognizedFormatError("compressed, and not called a pickle")
    return Description("joblib" if ".joblib" in base else "pickle", code="yes")


def _is_archive_too(source: HeaderReader) -> bool:
    """Whether a reader may take the file for a tar or zip archive, and load another pickle from there."""
    tail = max(0, source.size - _TAIL)
    if b"PK\x05\x06" in source.take(tail, source.size - tail):
        return True
    return source.size >= 512 and _is_tar(source.take(0, 512))


def _is_tar(header: bytes) -> bool:
    """Whether the checksum of a tar header fits, as PyTorch's reader of old asks through `tarfile`."""
    stored = header[148:156]
    if stored[0] in {0x80, 0xFF}:
        number = int.from_bytes(stored[1:], "big")
    else:
        digits = stored.partition(b"\0")[0].strip() or b"0"
        if digits.strip(b"01234567"):
            return False
        number = int(digits, 8)
    unsigned = 256 + sum(header[:148]) + sum(header[156:])
    signed = unsigned - 256 * sum(one >= 128 for one in header[:148] + header[156:])
    return number in {unsigned, signed}
