"""Lists and opens what a run left in a folder; the folder may be a stranger's.

Guarantee: no link below the folder is followed, only plain files are opened, and every failure is a
`TrackerError` that names the path.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import TrackerError, UnsafePathError, WeightsError
from gitmodel.files.safe_open import folder_handle, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

MAX_ENTRIES: Final = 10_000


class Listing(NamedTuple):
    """Names in a folder, sorted; links and special files are left out."""

    files: list[str]
    folders: list[str]


def list_folder(root: str, parts: Sequence[str] = ()) -> Listing:
    """List the folder `root/parts`.

    Raises:
        TrackerError: It cannot be read, or has more than 10,000 entries.
    """
    listing = Listing([], [])
    with _told(root, parts), folder_handle(root, parts) as handle, os.scandir(handle) as entries:
        for count, entry in enumerate(entries):
            if count == MAX_ENTRIES:
                raise TrackerError(f"{_named(root, parts)} has more than {MAX_ENTRIES:,} entries")
            if entry.is_dir(follow_symlinks=False):
                listing.folders.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                listing.files.append(entry.name)
    listing.files.sort()
    listing.folders.sort()
    return listing


def file_name_text(name: str) -> str:
    """Return the name of a file as valid Unicode: what is not becomes a question mark."""
    return name.encode("utf-8", "replace").decode("utf-8")


@contextmanager
def open_plain(root: str, parts: Sequence[str], name: str) -> Iterator[BinaryIO]:
    """Open the file `name` of the folder `root/parts` for reading; errors of its reader name it, too.

    Raises:
        TrackerError: It is missing, a link or no plain file, or cannot be read.
    """
    with _told(root, [*parts, name]), folder_handle(root, parts) as handle:
        descriptor = open_file(handle, name)
    try:
        with open(descriptor, "rb", buffering=1 << 20) as stream:  # 1 MiB
            yield stream
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TrackerError(f"cannot read {_named(root, [*parts, name])}: {reason}") from error
    except TrackerError as error:
        error.message = f"{_named(root, [*parts, name])}: {error.message}"
        raise


@contextmanager
def _told(root: str, parts: Sequence[str]) -> Iterator[None]:
    """Turn what a file system says into a `TrackerError`."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TrackerError(f"cannot read {_named(root, parts)}: {reason}") from error
    except (UnsafePathError, WeightsError) as error:
        raise TrackerError(f"cannot read {_named(root, parts)}: {error.message}") from error
    except ValueError as error:  # a path with a NUL
        raise TrackerError(f"cannot read {_named(root, parts)}: not a path") from error


def _named(root: str, parts: Sequence[str]) -> str:
    return quote_text(os.path.join(root, *parts), limit=200)
