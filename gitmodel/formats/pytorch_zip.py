"""PyTorch's zip files: what `torch.save` and `torch.jit.save` write.

`data.pkl` is a pickle that refers to storages by persistent ids; `data/0` is the first of them. TorchScript has
code in `code/`, which runs when the model is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats import zip_layout
from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError
from gitmodel.formats.pickle_scan.findings import Findings
from gitmodel.formats.pickle_scan.stream import PickleStream, StoredBlocks
from gitmodel.formats.pickles import walk_pickle
from gitmodel.formats.zip_directory import STORED, data_offset, read_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.formats.header import HeaderReader
    from gitmodel.formats.pickle_scan.stream import Blocks
    from gitmodel.formats.zip_directory import Directory
    from gitmodel.formats.zip_layout import Placed

_ENDINGS: Final = (".pt", ".pth", ".bin", ".ckpt", ".jit", ".ptl", ".pkl", ".npz", ".pth.tar")
# What torch.save writes, below the folder that all entries are in.
_ENTRIES: Final = lazy_compile(
    rb"data\.pkl|data/[0-9]+|version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id"
)


def describe_zip(source: HeaderReader, name: str) -> Description:
    """Describe a zip archive of PyTorch or NumPy. Raises ValueError if it is one of neither."""
    try:
        directory = read_directory(source)
    except ValueError:
        if name.lower().endswith(_ENDINGS):
            return Description(code="yes")  # readers that are less strict may find entries
        raise
    names = [entry.name.lower() for entry in directory.entries]
    script = any(one.endswith(b"/constants.pkl") or b"/code/" in one for one in names)
    if script or any(one.endswith(b"data.pkl") for one in names):
        return _describe_torch(source, directory, "torchscript" if script else "pytorch")
    if names and all(one.endswith(b".npy") for one in names):
        from gitmodel.formats import numpy_files

        try:
            return numpy_files.describe_npz(source, directory)
        except ValueError:
            return Description("npz", code="yes")  # an odd archive, or an entry that is no array
    if name.lower().endswith(_ENDINGS):
        return Description(code="yes")
    raise UnrecognizedFormatError("an archive of another format")


def _describe_torch(source: HeaderReader, directory: Directory, kind: str) -> Description:
    """Describe a file of PyTorch.

    Every tensor is counted that loading rebuilds, in whatever dict or list, also those of an optimizer. One
    that the pickle refers to again counts once. Of TorchScript, those of `data.pkl`: parameters, buffers and
    attributes of the modules, without constants of the code.
    """
    findings = Findings(persistent_ids=True)
    try:
        placed = zip_layout.placed_entries(source, directory)
    except ValueError:
        findings.refuse()
        placed = _as_they_are(source, directory)
    folder = directory.entries[0].name.partition(b"/")[0] + b"/"
    for one in placed:
        path = one.entry.name
        if not path.startswith(folder) or not _ENTRIES.fullmatch(path, len(folder)):
            findings.refuse()
        if path.lower().endswith(b"data.pkl"):
            stream = PickleStream(_blocks(source, one))
            walk_pickle(stream, findings)
            _check_end(stream, findings)
    _check_storages(placed, folder, findings)
    if kind == "torchscript":
        findings.refuse()
    counted = findings.tensors
    return Description(
        kind,
        counted.tensors,
        counted.parameters,
        counted.dtypes,
        code=findings.code,
        imports=findings.imports,
    )


def _as_they_are(source: HeaderReader, directory: Directory) -> list[Placed]:
    """The entries that can be found at all."""
    placed = []
    for entry in directory.entries:
        try:
            placed.append(zip_layout.Placed(entry, data_offset(source, entry)))
        except ValueError:
            continue
    return placed


def _blocks(source: HeaderReader, placed: Placed) -> Blocks:
    if placed.entry.method == STORED:
        return StoredBlocks(source, placed.offset, placed.offset + placed.entry.size)
    return zip_layout.InflatedBlocks(source, placed)


def _check_end(stream: PickleStream, findings: Findings) -> None:
    try:
        if not stream.at_end():
            findings.refuse()
    except UnrecognizedFormatError:
        findings.refuse()


def _check_storages(placed: Sequence[Placed], folder: bytes, findings: Findings) -> None:
    """Refuse storages that are not in the file, or not as long as the pickle says."""
    sizes = {one.entry.name: one.entry for one in placed}
    for key, size in findings.tensors.storages.items():
        entry = sizes.get(folder + b"data/" + key.encode("ascii"))
        if entry is None or entry.size != size or entry.method != STORED:
            findings.refuse()
