"""What is remembered about the weights in this work tree: `have`, and digests by file stat.

One small JSON file a model in `<git dir>/gitmodel/worktree/`, so every linked worktree has its own.
`have` is the digest last added or checked out here: the third voice beside file and pointer. The
stat part lets an unchanged file keep its digest without being read again. Losing a record costs one
read of the weights and, for content of no known version, one question.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from gitmodel.domain.digest import Digest, digest_of
from gitmodel.errors import GitmodelError
from gitmodel.store.handles import replace_file

# Git's racy-index rule (git's racy-git.txt): a file written in the same tick in which it was hashed
# may have changed without a trace. Where stat shows nanoseconds a tick is a few ms, else up to 2 s.
_FINE_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_500_000_000
_BOOT_ID = "/proc/sys/kernel/random/boot_id"  # Source: proc(5); on Linux only
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_LONGEST = 200  # characters of a record's file name, before ".json"


class FileStat(NamedTuple):
    """What must stay the same for a file to count as unchanged."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStat:
        """From what stat(2) says."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class Known(NamedTuple):
    """A file's digest, and the stat it had when it was hashed."""

    stat: FileStat
    hashed_ns: int  # unix nanoseconds when hashing began
    digest: Digest

    def holds_for(self, now: FileStat) -> bool:
        """Whether a file with this stat still has this digest.

        The change time counts too: a copy with its old time (`cp -p`) may be written again, and set
        back again, in the very tick in which it was hashed. It also tells how finely the file
        system counts, since nobody sets it by hand.
        """
        fine = self.stat.ctime_ns % 1_000_000 != 0
        tick = _FINE_TICK_NS if fine else _COARSE_TICK_NS
        written_ns = max(self.stat.mtime_ns, self.stat.ctime_ns)
        return now == self.stat and written_ns + tick < self.hashed_ns

    @classmethod
    def placed(cls, stat: FileStat, digest: Digest) -> Known:
        """Of a file that we wrote ourselves and set back, so that any write to it shows.

        It can be trusted at once, as if it had been hashed a while later.
        """
        return cls(stat, max(stat.mtime_ns, stat.ctime_ns) + _COARSE_TICK_NS + 1, digest)


@cache
def boot_id() -> str:
    """Which start of the machine this is, "" where the system does not say."""
    try:
        with open(_BOOT_ID, encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""


@dataclass(slots=True)
class Record:
    """The record of one model in one work tree.

    Attributes:
        have: Digest last added or checked out here.
        have_files: Of a folder: path -> digest of the files that made up `have`.
        files: Path in the model ("" for a single file) -> what is known of that file.
        placing: Digest of a folder whose files are being put in place one by one; left behind by a
            kill, it says that what lies there may be of two versions.
        boot: In which start of the machine the files were last known to be what their stat says. In a
            later one a file may have its size and times and not its bytes: those were not on the
            disk when the machine went down.
    """

    have: Digest | None = None
    have_files: dict[str, Digest] = field(default_factory=dict)
    files: dict[str, Known] = field(default_factory=dict)
    placing: Digest | None = None
    boot: str = field(default_factory=boot_id)

    @property
    def of_this_boot(self) -> bool:
        """Whether the stat of its files can be taken at its word: the machine has been up since."""
        return self.boot == boot_id()

    def to_bytes(self) -> bytes:
        """JSON; read back by `from_bytes`."""
        value = {
            "have": None if self.have is None else self.have.hex,
            "have_files": {path: digest.hex for path, digest in self.have_files.items()},
            "files": {
                path: [*known.stat, known.hashed_ns, known.digest.hex]
                for path, known in self.files.items()
            },
            "placing": None if self.placing is None else self.placing.hex,
            "boot": self.boot,
        }
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Record:
        """Parse; anything unexpected gives an empty record, since a record is only a memory."""
        try:
            value = json.loads(raw)
            have = value["have"]
            placing = value.get("placing")
            return cls(
                have=None if have is None else Digest.from_hex(have),
                have_files={p: Digest.from_hex(h) for p, h in value["have_files"].items()},
                files={
                    path: Known(FileStat(*map(int, row[:4])), int(row[4]), Digest.from_hex(row[5]))
                    for path, row in value["files"].items()
                },
                placing=None if placing is None else Digest.from_hex(placing),
                boot=str(value.get("boot", "unknown")),
            )
        except (
            ValueError,
            OverflowError,
            RecursionError,
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
            GitmodelError,
        ):
            return cls()


class Records:
    """The records of a work tree.

    Args:
        folder: `<git dir>/gitmodel/worktree`; None remembers nothing.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder

    def _path(self, name: str) -> str:
        plain = _as_file_name(name)
        if len(plain) > _LONGEST:  # "/" takes three characters, and a file name has 255 bytes
            plain = digest_of(name.encode()).hex
        return os.path.join(self._folder or os.devnull, f"{plain}.json")

    def read(self, name: str) -> Record:
        """The record of a model; an empty one if there is none."""
        try:
            with open(self._path(name), "rb") as stream:
                return Record.from_bytes(stream.read())
        except (FileNotFoundError, NotADirectoryError):
            return Record()

    def write(self, name: str, record: Record) -> None:
        """Replace a record. Two writers at once: the last one wins, neither is torn."""
        if self._folder is None:
            return
        replace_file(self._path(name), record.to_bytes())

    def remove(self, name: str) -> None:
        """Forget a model."""
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(self._path(name))

    def rename(self, old: str, new: str) -> None:
        """Keep the record of a model that gets another name."""
        with suppress(FileNotFoundError, NotADirectoryError):
            os.replace(self._path(old), self._path(new))


def _as_file_name(name: str) -> str:
    """A name as one part of a path: percent-encoded (RFC 3986), as `urllib.parse.quote` does.

    Importing that takes 2 ms, of every hook and `status`.
    """
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in name.encode())


def now_ns() -> int:
    """The time against which stat times are compared."""
    return time.time_ns()
