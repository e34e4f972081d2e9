"""Weights on disk: which digest they have, and what is remembered of them.

Looking follows no link, and reads a file only if its stat has changed since it was last hashed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.digest import Digest, FileHasher, ListedFile, folder_digest
from gitmodel.domain.paths import safe_parts
from gitmodel.errors import ChangedWhileReadError, GitmodelError, UnsafePathError, WeightsError
from gitmodel.store.handles import folder_handle, open_file
from gitmodel.store.holes import SparseReader
from gitmodel.store.listing import Found, Kind, kind_at, list_files, walk
from gitmodel.store.records import FileStat, Known, Record, Records, boot_id, now_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.encoding.manifest import Manifest
    from gitmodel.store.windows import SourceFile

_READ = 4 * 2**20  # bytes


def _parts_in(path: str) -> tuple[str, ...]:
    return safe_parts(path) if path else ()


@dataclass(frozen=True, slots=True)
class Weights:
    """What lies at the path of a model.

    Attributes:
        kind: File, folder, link or nothing.
        digest: Of the whole; None if there is nothing, or it is changing, or it was not asked for.
        size: Bytes in all.
        files: Files with their digests, path "" for a single file.
        changing: A file changed while it was hashed.
        damaged: A file has other bytes than when it was hashed, and the same stat: the machine went
            down before they were on the disk.
    """

    kind: Kind
    digest: Digest | None = None
    size: int = 0
    files: tuple[ListedFile, ...] = ()
    changing: bool = False
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """The files at a path at one moment, without their digests."""

    path: str
    kind: Kind
    files: tuple[Found, ...]
    at_ns: int  # unix nanoseconds, when the look was over
    follow: bool

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.stat.size for file in self.files)


def _settled(record: Record, digest: Digest) -> Record:
    """A record with a path from one without: what it has may be of the same model elsewhere."""
    if record.path or record.have == digest:
        return record
    return replace(record, have=None, have_files={})


class WorkTree:
    """The weights of one work tree.

    Args:
        root: Absolute path of the top of the work tree.
        records: What is remembered about it.
    """

    def __init__(self, root: str, records: Records) -> None:
        self.root = root
        self.records = records

    def observe(self, name: str, path: str, *, follow: bool = False) -> Weights:
        """What lies at a path, hashing only what has changed since last time.

        Args:
            name: The model, for its record.
            path: Relative to the root, `/` between parts.
            follow: Follow symbolic links (`add --follow`).

        Raises:
            UnsafePathError: A link in the way or in a folder, or a name that file systems misread.
        """
        parts = safe_parts(path)
        kind = self._kind(parts, follow=follow)
        if kind in (Kind.MISSING, Kind.LINK):
            return Weights(kind)
        record = self.records.read(path, name=name)
        try:
            found = list_files(self.root, parts, kind, follow=follow)
        except ChangedWhileReadError:
            return Weights(kind, changing=True)
        size = sum(file.stat.size for file in found)
        files: list[ListedFile] = []
        known: dict[str, Known] = {}
        for file in found:
            old = record.files.get(file.path)
            try:
                if self._is_damaged(record, parts, file, follow=follow):
                    return Weights(kind, size=size, damaged=True)
                if old is None or not old.holds_for(file.stat):
                    old = self.hash(parts, file, follow=follow)
            except ChangedWhileReadError:
                return Weights(kind, size=size, changing=True)
            known[file.path] = old
            files.append(ListedFile(file.path, file.stat.size, old.digest))
        digest = folder_digest(files) if kind is Kind.FOLDER else files[0].digest
        if known != record.files or not record.of_this_boot or not record.path:
            seen = replace(_settled(record, digest), name=name, files=known, boot=boot_id())
            with suppress(OSError):  # a read-only repository can be looked at, only more slowly
                self.records.write(path, seen)
        return Weights(kind, digest, size, tuple(files))

    def is_damaged(self, name: str, path: str, *, follow: bool = False) -> bool:
        """Whether `observe` would find the weights damaged; raises as `survey` does."""
        record = self.records.read(path, name=name)
        parts = safe_parts(path)
        return not record.of_this_boot and any(
            self._is_damaged(record, parts, file, follow=follow)
            for file in self.survey(path, follow=follow).files
        )

    def _is_damaged(
        self, record: Record, parts: tuple[str, ...], file: Found, *, follow: bool
    ) -> bool:
        """Whether a file has other bytes than its stat says; reads it only if there is a sign of that.

        Raises:
            ChangedWhileReadError: It changed since it was listed.
        """
        old = record.files.get(file.path)
        if record.of_this_boot or old is None or not old.holds_for(file.stat):
            return False
        holed = self._has_hole(parts, file, follow=follow)
        return holed and self.hash(parts, file, follow=follow).digest != old.digest

    def _has_hole(self, parts: tuple[str, ...], file: Found, *, follow: bool) -> bool:
        """Whether a part of a file is not on the disk; costs no look at its bytes.

        What was reserved for it and never written counts as a hole. Source: lseek(2), SEEK_HOLE.

        Raises:
            ChangedWhileReadError: It is gone.
        """
        descriptor = self._open(parts, file.parts, follow=follow)
        try:
            return os.lseek(descriptor, 0, os.SEEK_HOLE) < file.stat.size
        except OSError:  # an empty file, or a file system that does not say
            return False
        finally:
            os.close(descriptor)

    def unchanged(self, name: str, path: str) -> Digest | None:
        """The digest by stat alone, None where something would have to be read."""
        parts = safe_parts(path)
        try:
            kind = kind_at(self.root, parts)
            if kind in (Kind.MISSING, Kind.LINK):
                return None
            record = self.records.read(path, name=name)
            if not record.of_this_boot:
                return None
            listed = []
            for file in list_files(self.root, parts, kind):
                old = record.files.get(file.path)
                if old is None or not old.holds_for(file.stat):
                    return None
                listed.append(ListedFile(file.path, file.stat.size, old.digest))
        except (GitmodelError, OSError):
            return None
        return folder_digest(listed) if kind is Kind.FOLDER else listed[0].digest

    def size_to_read(self, name: str, path: str) -> int:
        """Bytes that `observe` would have to hash now."""
        parts = safe_parts(path)
        kind = self._kind(parts)
        if kind in (Kind.MISSING, Kind.LINK):
            return 0
        files = self.records.read(path, name=name).files
        total = 0
        for file in list_files(self.root, parts, kind):
            old = files.get(file.path)
            if old is None or not old.holds_for(file.stat):
                total += file.stat.size
        return total

    def _kind(self, parts: tuple[str, ...], *, follow: bool = False) -> Kind:
        """As `kind_at`, but a folder without any file is nothing: a killed checkout leaves one."""
        kind = kind_at(self.root, parts, follow=follow)
        if kind is Kind.FOLDER:
            files = walk(os.path.join(self.root, *parts), follow=follow)
            return Kind.MISSING if next(files, None) is None else kind
        return kind

    def have(self, name: str, path: str) -> Digest | None:
        """The digest last added or checked out at a path; None if nothing is known of that path."""
        record = self.records.read(path, name=name)
        if not record.path and record.have is not None:
            return record.have if self.unchanged(name, path) == record.have else None
        return record.have

    def is_half_placed(self, name: str, path: str, digest: Digest | None) -> bool:
        """Whether a checkout was killed while it renamed, and these weights may be of two versions."""
        record = self.records.read(path, name=name)
        return record.placing is not None and digest not in (record.placing, record.have)

    def set_have(self, name: str, path: str, weights: Weights) -> None:
        """Remember what has just been added or checked out."""
        record = self.records.read(path, name=name)
        self.records.write(
            path,
            replace(
                record,
                have=weights.digest,
                have_files={file.path: file.digest for file in weights.files},
                placing=None,
                name=name,
            ),
        )

    def survey(self, path: str, *, follow: bool = False) -> Survey:
        """The files at a path, without their digests; raises as `observe` does.

        Raises:
            WeightsError: There is nothing, or a link that is not followed.
        """
        parts = safe_parts(path)
        kind = kind_at(self.root, parts, follow=follow)
        if kind is Kind.MISSING:
            raise WeightsError(f"{path} does not exist", hint="gitmodel checkout")
        if kind is Kind.LINK:
            raise UnsafePathError(
                f"{path} is a symbolic link",
                hint="gitmodel add --follow PATH, which stores what links point to",
            )
        return Survey(
            path, kind, tuple(list_files(self.root, parts, kind, follow=follow)), now_ns(), follow
        )

    def sources(self, survey: Survey) -> list[SourceFile]:
        """The files of a survey, for storing them."""
        from gitmodel.store.windows import SourceFile

        parts = safe_parts(survey.path)

        def opener(file: Found) -> Callable[[], int]:
            return lambda: self._open(parts, file.parts, follow=survey.follow)

        return [SourceFile(file.path, file.stat.size, opener(file)) for file in survey.files]

    def remember(
        self, name: str, survey: Survey, manifest: Manifest, *, as_have: bool = True
    ) -> Weights:
        """Remember what was just stored, after a last look that it has not changed meanwhile.

        Args:
            name: The model, for its record.
            survey: What was stored.
            manifest: Of it.
            as_have: It is `have` now; otherwise only its digests are known, and `set_have` follows.

        Raises:
            ChangedWhileReadError: The files are not those of the survey any more.
        """
        again = self.survey(survey.path, follow=survey.follow)
        if again.files != survey.files:
            raise ChangedWhileReadError(
                f"{survey.path} changed while it was read",
                hint="wait until training has finished writing, then run the same command again",
            )
        digests = {entry.path: entry.digest for entry in manifest.files}
        known = {
            file.path: Known(file.stat, survey.at_ns, digests[file.path]) for file in survey.files
        }
        if as_have:
            record = Record(manifest.digest, digests)
        else:
            record = _settled(self.records.read(survey.path, name=name), manifest.digest)
        self.records.write(survey.path, replace(record, name=name, files=known))
        files = tuple(ListedFile(f.path, f.stat.size, digests[f.path]) for f in survey.files)
        return Weights(survey.kind, manifest.digest, manifest.total_size, files)

    def _open(self, parts: tuple[str, ...], inner: tuple[str, ...], *, follow: bool) -> int:
        whole = (*parts, *inner)
        try:
            if follow:
                return os.open(os.path.join(self.root, *whole), os.O_RDONLY | os.O_CLOEXEC)
            with folder_handle(self.root, whole[:-1]) as handle:
                return open_file(handle, whole[-1])
        except FileNotFoundError as error:
            raise ChangedWhileReadError(
                f"{'/'.join(whole)} was removed while it was read", hint="gitmodel status"
            ) from error

    def hash(self, parts: tuple[str, ...], file: Found, *, follow: bool = False) -> Known:
        """Read a file that was listed.

        Raises:
            ChangedWhileReadError: It changed since it was listed, or while it was read.
        """
        started = now_ns()
        descriptor = self._open(parts, file.parts, follow=follow)
        try:
            before = FileStat.of(os.fstat(descriptor))
            hasher = FileHasher()
            buffer = memoryview(bytearray(min(_READ, before.size + 1)))
            size = 0
            reader = SparseReader(descriptor)
            while count := reader.read_into(buffer):
                hasher.update(buffer[:count])
                size += count
            after = FileStat.of(os.fstat(descriptor))
        finally:
            os.close(descriptor)
        if before != after or size != after.size or after != file.stat:
            raise ChangedWhileReadError(
                f"{file.path or parts[-1]} changed while it was read",
                hint="wait until training has finished writing, then run the same command again",
            )
        return Known(after, started, hasher.result())
