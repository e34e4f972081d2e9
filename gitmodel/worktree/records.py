"""Records of the weights in this work tree: `have`, and digests by file stat.

One small JSON file a path in `<git dir>/gitmodel/worktree/`, so every linked worktree has its own. `have` is
the digest last added or checked out at that path; it is compared with the file's and the pointer's. A
record belongs to its path: a model moved by other means than `gitmodel mv` has none at its new path. An
unchanged stat saves hashing a file again. A lost record costs one read of the weights and, for content of no
known version, one question.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from gitmodel.domain.digest import Digest, digest_of
from gitmodel.errors import GitmodelError
from gitmodel.files.file_stat import FileStat
from gitmodel.files.safe_open import replace_file

# Git's racy-index rule (git's racy-git.txt): a file written in the same tick in which it was hashed
# may have changed without a trace. Where stat shows nanoseconds a tick is a few ms, else up to 2 s.
_FINE_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_500_000_000
_BOOT_ID = "/proc/sys/kernel/random/boot_id"  # Source: proc(5); on Linux only
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DIGEST = 64  # hex digits, in place of a long path; a path may look so too, and its record is read
_LONGEST = 200  # characters of a record's file name, before ".json"


class CachedDigest(NamedTuple):
    """A file's digest, and its stat when it was hashed."""

    stat: FileStat
    hashed_ns: int  # unix nanoseconds when hashing began
    digest: Digest

    def holds_for(self, now: FileStat) -> bool:
        """Whether a file with this stat still has this digest.

        The change time counts too: a copy with its old time (`cp -p`) may be written and set back again
        in the tick in which it was hashed. It also shows the resolution of the file system, because
        no program can set it.
        """
        fine = self.stat.ctime_ns % 1_000_000 != 0
        tick = _FINE_TICK_NS if fine else _COARSE_TICK_NS
        written_ns = max(self.stat.mtime_ns, self.stat.ctime_ns)
        return now == self.stat and written_ns + tick < self.hashed_ns

    @classmethod
    def placed(cls, stat: FileStat, digest: Digest) -> CachedDigest:
        """Make one for a file written by `NewFile.set_back`: any later write changes its time.

        It can be trusted at once.
        """
        return cls(stat, max(stat.mtime_ns, stat.ctime_ns) + _COARSE_TICK_NS + 1, digest)


@cache
def boot_id() -> str:
    """Id of the current boot of the machine, "" if the system does not tell."""
    try:
        with open(_BOOT_ID, encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""


@dataclass(slots=True)
class Record:
    """The record of the weights at one path of one work tree.

    A record of an earlier build, which kept one a model, has the path "". Its `have` counts only for
    weights that have that digest. After a crash of the machine a file may have the same size and times
    and other bytes, because those were not yet on disk: therefore `boot`.
    """

    have: Digest | None = None  # last added or checked out here
    # of a folder: path -> digest of the files that made up `have`
    have_files: dict[str, Digest] = field(default_factory=dict)
    # path in the model ("" for a single file) -> digest and stat
    files: dict[str, CachedDigest] = field(default_factory=dict)
    # a folder whose files are being renamed into place; if a kill leaves it, there may be files of two
    # versions
    placing: Digest | None = None
    exclude: tuple[str, ...] = ()  # patterns of files that were excluded when `have` was set
    boot: str = field(default_factory=boot_id)  # in which the stats were last verified
    name: str = ""  # of the model that was added or checked out here
    # that `add --follow` followed here: path -> resolved target
    links: dict[str, str] = field(default_factory=dict)
    path: str = field(default="", compare=False)

    @property
    def of_this_boot(self) -> bool:
        """Whether the stats of its files were verified since the machine's last boot."""
        return self.boot == boot_id()

    def to_bytes(self) -> bytes:
        """Encode as JSON; the inverse of `from_bytes`."""
        value = {
            "have": None if self.have is None else self.have.hex,
            "have_files": {path: digest.hex for path, digest in self.have_files.items()},
            "files": {
                path: [*known.stat, known.hashed_ns, known.digest.hex]
                for path, known in self.files.items()
            },
            "placing": None if self.placing is None else self.placing.hex,
            "exclude": self.exclude,
            "boot": self.boot,
            "name": self.name,
            "links": self.links,
            "path": self.path,
        }
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Record:
        """Parse; anything unexpected gives an empty record, because a record is only a cache."""
        try:
            value = json.loads(raw)
            have = value["have"]
            placing = value.get("placing")
            return cls(
                have=None if have is None else Digest.from_hex(have),
                have_files={p: Digest.from_hex(h) for p, h in value["have_files"].items()},
                files={
                    path: CachedDigest(
                        FileStat(*map(int, row[:4])), int(row[4]), Digest.from_hex(row[5])
                    )
                    for path, row in value["files"].items()
                },
                placing=None if placing is None else Digest.from_hex(placing),
                exclude=tuple(map(str, value.get("exclude", ()))),
                boot=str(value.get("boot", "unknown")),
                name=str(value.get("name", "")),
                links={str(link): str(to) for link, to in value.get("links", {}).items()},
                path=str(value.get("path", "")),
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
    """The records of a work tree, in `<git dir>/gitmodel/worktree`; with None nothing is recorded."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder

    @property
    def journals(self) -> str | None:
        """The folder of the journals of `unfinished_folders`."""
        return None if self._folder is None else os.path.join(self._folder, "placing")

    def _file(self, path: str) -> str:
        return self._named("@", path)

    def _file_of_model(self, name: str) -> str:
        """The file in which an earlier build kept a model's record; its name never begins with @."""
        return self._named("", name)

    def _named(self, mark: str, text: str) -> str:
        plain = _as_file_name(text)
        if len(plain) > _LONGEST:  # "/" takes three characters, and a file name has 255 bytes
            plain = digest_of(text.encode("utf-8", "surrogateescape")).hex
        return os.path.join(self._folder or os.devnull, f"{mark}{plain}.json")

    def read(self, path: str, *, name: str = "") -> Record:
        """Read the record of the weights at a path; an empty one if there is none.

        An earlier build named the record by the model, `name`.
        """
        found = _read(self._file(path))
        if found is None and name:
            found = _read(self._file_of_model(name))
        return found or Record()

    def write(self, path: str, record: Record) -> None:
        """Replace a record; of two writers at once the last one wins."""
        if self._folder is None:
            return
        replace_file(self._file(path), replace(record, path=path).to_bytes())
        if record.name:
            _remove(self._file_of_model(record.name))

    def remove(self, path: str, *, name: str) -> None:
        """Remove the record of a model at a path."""
        _remove(self._file(path))
        _remove(self._file_of_model(name))

    def move(self, old: str, new: str, *, was: str, name: str) -> None:
        """Move the record of weights to another path or model name."""
        record = self.read(old, name=was)
        self.remove(old, name=was)
        if record != Record():
            self.write(new, replace(record, name=name))

    def models(self) -> frozenset[str]:
        """The models that were added or checked out in this work tree, at any path."""
        return frozenset(record.name for record in self.all() if record.have is not None)

    def paths(self) -> frozenset[str]:
        """The paths that have a record. Reads the records of long paths only."""
        found = set()
        for file in self._files():
            plain = os.path.basename(file).removesuffix(".json")
            if plain.startswith("@"):
                record = _read(file) if _is_digest(plain[1:]) else None
                found.add(_from_file_name(plain[1:]) if record is None else record.path)
        return frozenset(found - {""})

    def all(self) -> list[Record]:
        """Every record, in no order; a record of an earlier build may lack its name or path."""
        found = []
        for file in self._files():
            record = _read(file)
            if record is not None:
                found.append(record if record.path else replace(record, name=_model_of(file)))
        return found

    def _files(self) -> list[str]:
        try:
            with os.scandir(self._folder or os.devnull) as entries:
                return [entry.path for entry in entries if entry.name.endswith(".json")]
        except (FileNotFoundError, NotADirectoryError):
            return []


def _read(file: str) -> Record | None:
    with suppress(FileNotFoundError, NotADirectoryError), open(file, "rb") as stream:
        return Record.from_bytes(stream.read())
    return None


def _is_digest(plain: str) -> bool:
    return len(plain) == _DIGEST and not set(plain) - set("0123456789abcdef")


def _model_of(file: str) -> str:
    """The model of a record file of an earlier build."""
    return _from_file_name(os.path.basename(file).removesuffix(".json"))


def _remove(file: str) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(file)


def _as_file_name(name: str) -> str:
    """Percent-encode a name (RFC 3986) as `urllib.parse.quote` does, whose import takes 2 ms."""
    return "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02X}"
        for byte in name.encode("utf-8", "surrogateescape")
    )


def _from_file_name(plain: str) -> str:
    """Decode a name of `_as_file_name`, "" if it is none."""
    first, *rest = plain.split("%")
    try:
        raw = b"".join(bytes.fromhex(part[:2]) + part[2:].encode() for part in rest)
        return (first.encode() + raw).decode("utf-8", "surrogateescape")
    except ValueError:
        return ""


def now_ns() -> int:
    """The current time, for comparison with the times of a stat."""
    return time.time_ns()
