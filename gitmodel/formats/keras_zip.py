"""What a `.keras` file says about itself: a zip archive with a configuration and weights as HDF5.

Source: https://github.com/keras-team/keras/blob/master/keras/src/saving/saving_lib.py
Counted are the datasets of all members whose name ends in `.weights.h5`, as `hdf5` counts them; the numbers are
None if one is compressed inside the archive, which Keras does not do. `code` is the worst of what `keras_config`
says of `config.json` and what `hdf5` says of the weights; it is `yes` if readers of zip archives may disagree about
what the archive has, so that another one may find another configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats import hdf5, keras_config
from gitmodel.formats.block_reader import Budget, TooMuchError, combined
from gitmodel.formats.description import CODES, Description
from gitmodel.formats.header import UnrecognizedFormatError
from gitmodel.formats.zip_layout import placed_entries
from gitmodel.formats.zip_members import ZipMembers

if TYPE_CHECKING:
    from gitmodel.formats.header import HeaderReader

_CONFIG: Final = "config.json"
_WEIGHTS: Final = ".weights.h5"
_TAIL: Final = 22 + 0xFFFF  # bytes; a zip archive's last record is in there


def describe(source: HeaderReader, name: str) -> Description:
    """Describe a `.keras` file. Raises ValueError if it is none."""
    try:
        archive = ZipMembers(source)
    except ValueError:
        if name.lower().endswith(".keras") and _has_end(source):
            return Description(code="yes")  # a reader that is less strict may find members
        raise
    weights = [one for one in archive.names if one.endswith(_WEIGHTS)]
    if _CONFIG not in archive.names or not weights:
        raise UnrecognizedFormatError("no archive of Keras")
    arch, code = keras_config.judge(archive.read(_CONFIG, keras_config.MAX_CONFIG))
    budget = Budget()
    parts = [_part(archive, member, budget) for member in weights]
    try:
        placed_entries(source, archive.directory)
    except ValueError:
        code = "yes"
    worst = max((code, *(part.code for part in parts)), key=CODES.index)
    return combined("keras", parts)._replace(arch=arch, code=worst)


def _part(archive: ZipMembers, member: str, budget: Budget) -> Description:
    reader = archive.reader(member)
    if reader is None:
        return Description()
    try:
        return hdf5.describe_part(reader, budget)
    except TooMuchError:
        return Description()


def _has_end(source: HeaderReader) -> bool:
    """Whether the last record of a zip archive is at the end of a file."""
    begin = max(0, source.size - _TAIL)
    return b"PK\x05\x06" in source.take(begin, source.size - begin)
