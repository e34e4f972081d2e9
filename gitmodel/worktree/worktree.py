"""Weights on disk: their digests, and their records.

A file is hashed only if its stat has changed since it was last hashed. No link is followed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.digest import Digest, ListedFile, folder_digest
from gitmodel.domain.paths import safe_parts
from gitmodel.errors import ChangedWhileReadError, GitmodelError, UnsafePathError, WeightsError
from gitmodel.worktree.hashing import has_hole, hash_listed, open_listed
from gitmodel.worktree.records import CachedDigest, Record, Records, boot_id, now_ns
from gitmodel.worktree.scan import EntryKind, Found, Scan, Weights, kind_at, list_files, walk
from gitmodel.worktree.symlinks import led_elsewhere, links_at, still_lead

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.files.source_file import SourceFile

__all__ = ["Scan", "Weights", "WorkTree"]


def _settled(record: Record, digest: Digest) -> Record:
    """A record with a path from one without: its `have` may be of the same model elsewhere."""
    if record.path or record.have == digest:
        return record
    return replace(record, have=None, have_files={})


class WorkTree:
    """The weights of one work tree. Its top `root` is absolute; other paths are relative, with `/`."""

    def __init__(self, root: str, records: Records) -> None:
        self.root = root
        self.records = records
        self._excluded: dict[str, tuple[str, ...]] = {}
        self._doubts_stat = False
        self._read_again: set[str] = set()  # paths

    def rehash(self) -> None:
        """Hash weights from now on even if their stat is unchanged, each path once.

        A write through a memory map need not change the times of a file (mmap(2)), and a copy can have the
        times of another file.
        """
        self._doubts_stat = True
        self._read_again.clear()

    def _record(self, path: str, name: str) -> Record:
        """The record of a path, without the digests whose stat cannot be trusted."""
        record = self.records.read(path, name=name)
        if self._doubts_stat and path not in self._read_again:
            return replace(record, files={})
        return record

    def exclude(self, path: str, patterns: tuple[str, ...]) -> None:
        """Exclude the files that a pointer's patterns match below a path from now on."""
        if patterns or path in self._excluded:
            self._excluded[path] = patterns

    def excluded(self, path: str) -> tuple[str, ...]:
        """The patterns of the excluded files below a path."""
        return self._excluded.get(path, ())

    def _list(
        self, path: str, parts: tuple[str, ...], kind: EntryKind, *, follow: bool = False
    ) -> list[Found]:
        return list_files(self.root, parts, kind, follow=follow, exclude=self.excluded(path))

    def hash_weights(self, name: str, path: str, *, follow: bool = False) -> Weights:
        """The weights at a path below the root; only files that have changed since the last call are hashed.

        The record names the model. Excluded files are not read. If other files were excluded when `have`
        was set, weights that still are `have` by those patterns count as `have`. Raises UnsafePathError
        if there is a link in the path or in a folder, or a name that file systems misread.
        """
        parts = safe_parts(path)
        record = self._record(path, name)
        follow = self._follows(record, parts, follow=follow)
        kind = self._kind(path, parts, follow=follow)
        if kind in (EntryKind.MISSING, EntryKind.LINK):
            return Weights(kind)
        known: dict[str, CachedDigest] = {}
        weights = Weights(kind)
        for exclude in self._views(path, record):
            weights = self._look(parts, kind, record, known, exclude, follow=follow)
            if weights.digest is None or weights.digest == record.have:
                break
        if weights.digest is None:
            return weights
        if known != record.files or not record.of_this_boot or not record.path:
            seen = replace(_settled(record, weights.digest), name=name, files=known, boot=boot_id())
            with suppress(OSError):  # a read-only repository works, only more slowly
                self.records.write(path, seen)
                self._read_again.add(path)
        return weights

    def _views(self, path: str, record: Record) -> list[tuple[str, ...]]:
        """The patterns to exclude: first those of `have`, if they are others."""
        now = self.excluded(path)
        return [now] if record.have is None or record.exclude == now else [record.exclude, now]

    def _look(
        self,
        parts: tuple[str, ...],
        kind: EntryKind,
        record: Record,
        known: dict[str, CachedDigest],
        exclude: tuple[str, ...],
        *,
        follow: bool,
    ) -> Weights:
        """The weights at a path without excluded files; new digests are added to `known`."""
        try:
            found = list_files(self.root, parts, kind, follow=follow, exclude=exclude)
        except ChangedWhileReadError:
            return Weights(kind, changing=True)
        except WeightsError:
            top = os.path.join(self.root, *parts)
            if next(walk(top, follow=follow), None) is not None:
                raise
            return Weights(kind, changing=True)  # emptied meanwhile
        size = sum(file.stat.size for file in found)
        files: list[ListedFile] = []
        for file in found:
            old = known.get(file.path) or record.files.get(file.path)
            try:
                if self._is_damaged(record, parts, file, follow=follow):
                    return Weights(kind, size=size, damaged=True)
                if old is None or not old.holds_for(file.stat):
                    old = self.hash(parts, file, follow=follow)
            except ChangedWhileReadError:
                return Weights(kind, size=size, changing=True)
            known[file.path] = old
            files.append(ListedFile(file.path, file.stat.size, old.digest))
        digest = folder_digest(files) if kind is EntryKind.FOLDER else files[0].digest
        return Weights(kind, digest, size, tuple(files))

    def is_damaged(self, name: str, path: str, *, follow: bool = False) -> bool:
        """Whether the weights are damaged as `Weights.damaged` says; raises as `scan` does."""
        record = self.records.read(path, name=name)
        parts = safe_parts(path)
        follow = self._follows(record, parts, follow=follow)
        return not record.of_this_boot and any(
            self._is_damaged(record, parts, file, follow=follow)
            for file in self.scan(path, follow=follow).files
        )

    def _is_damaged(
        self, record: Record, parts: tuple[str, ...], file: Found, *, follow: bool
    ) -> bool:
        """Whether a file has the recorded stat and other bytes; reads it only if it has a hole."""
        old = record.files.get(file.path)
        if record.of_this_boot or old is None or not old.holds_for(file.stat):
            return False
        holed = has_hole(self._open(parts, file.parts, follow=follow), file.stat.size)
        return holed and self.hash(parts, file, follow=follow).digest != old.digest

    def unchanged(self, name: str, path: str) -> Digest | None:
        """The digest by stat alone, None if a file must be hashed."""
        parts = safe_parts(path)
        digest = None
        try:
            record = self._record(path, name)
            if not record.of_this_boot:
                return None
            follow = self._follows(record, parts, follow=False)
            kind = kind_at(self.root, parts, follow=follow)
            if kind in (EntryKind.MISSING, EntryKind.LINK):
                return None
            for exclude in self._views(path, record):
                digest = self._remembered(parts, kind, record, exclude, follow=follow)
                if digest == record.have:
                    break
        except (GitmodelError, OSError):
            return None
        return digest

    def _remembered(
        self,
        parts: tuple[str, ...],
        kind: EntryKind,
        record: Record,
        exclude: tuple[str, ...],
        *,
        follow: bool,
    ) -> Digest | None:
        listed = []
        for file in list_files(self.root, parts, kind, follow=follow, exclude=exclude):
            old = record.files.get(file.path)
            if old is None or not old.holds_for(file.stat):
                return None
            listed.append(ListedFile(file.path, file.stat.size, old.digest))
        return folder_digest(listed) if kind is EntryKind.FOLDER else listed[0].digest

    def size_to_read(self, name: str, path: str) -> int:
        """Bytes that `hash_weights` would have to hash now."""
        parts = safe_parts(path)
        record = self._record(path, name)
        follow = self._follows(record, parts, follow=False)
        kind = self._kind(path, parts, follow=follow)
        if kind in (EntryKind.MISSING, EntryKind.LINK):
            return 0
        total = 0
        for file in self._list(path, parts, kind, follow=follow):
            old = record.files.get(file.path)
            if old is None or not old.holds_for(file.stat):
                total += file.stat.size
        return total

    def led_elsewhere(self, name: str, path: str) -> str | None:
        """A message about a followed link with another target now, None if there is none."""
        return led_elsewhere(self.root, safe_parts(path), self.records.read(path, name=name).links)

    def _follows(self, record: Record, parts: tuple[str, ...], *, follow: bool) -> bool:
        """Whether links are followed: by this call, or by an earlier one if their targets are unchanged."""
        return follow or still_lead(self.root, parts, record.links)

    def _kind(self, path: str, parts: tuple[str, ...], *, follow: bool = False) -> EntryKind:
        """As `kind_at`, but an empty folder is nothing: a killed checkout leaves one."""
        kind = kind_at(self.root, parts, follow=follow)
        if kind is EntryKind.FOLDER:
            top, patterns = os.path.join(self.root, *parts), self.excluded(path)
            files = walk(top, follow=follow, exclude=patterns)
            with suppress(UnsafePathError):  # `list_files` reports it
                return EntryKind.MISSING if next(files, None) is None else kind
        return kind

    def have(self, name: str, path: str) -> Digest | None:
        """The digest last added or checked out at a path; None if it has no record."""
        record = self.records.read(path, name=name)
        if not record.path and record.have is not None:
            return record.have if self.unchanged(name, path) == record.have else None
        return record.have

    def is_half_placed(self, name: str, path: str, digest: Digest | None) -> bool:
        """Whether a checkout was killed between renames, so that these weights may be of two versions."""
        record = self.records.read(path, name=name)
        return record.placing is not None and digest not in (record.placing, record.have)

    def set_have(self, name: str, path: str, weights: Weights) -> None:
        """Record the digest that was just added or checked out."""
        record = self.records.read(path, name=name)
        self.records.write(
            path,
            replace(
                record,
                have=weights.digest,
                have_files={file.path: file.digest for file in weights.files},
                placing=None,
                exclude=self.excluded(path),
                name=name,
            ),
        )

    def scan(self, path: str, *, follow: bool = False) -> Scan:
        """The files at a path, without their digests; raises as `hash_weights` does.

        Raises WeightsError if the path does not exist, or is a link that is not followed.
        """
        parts = safe_parts(path)
        follow = self._follows(self.records.read(path), parts, follow=follow)
        kind = kind_at(self.root, parts, follow=follow)
        if kind is EntryKind.MISSING:
            raise WeightsError(f"{path} does not exist", hint="gitmodel checkout")
        if kind is EntryKind.LINK:
            raise UnsafePathError(
                f"{path} is a symbolic link",
                hint="gitmodel add --follow PATH, which stores what links point to",
            )
        return Scan(
            path, kind, tuple(self._list(path, parts, kind, follow=follow)), now_ns(), follow
        )

    def sources(self, scan: Scan) -> list[SourceFile]:
        """The files of a scan, for storing them."""
        from gitmodel.files.source_file import SourceFile

        parts = safe_parts(scan.path)

        def opener(file: Found) -> Callable[[], int]:
            return lambda: self._open(parts, file.parts, follow=scan.follow)

        return [SourceFile(file.path, file.stat.size, opener(file)) for file in scan.files]

    def remember(
        self, name: str, scan: Scan, manifest: Manifest, *, as_have: bool = True
    ) -> Weights:
        """Record weights that were just stored, after checking that they have not changed meanwhile.

        Without `as_have` only the digests are recorded, and `set_have` follows. Raises
        ChangedWhileReadError.
        """
        again = self.scan(scan.path, follow=scan.follow)
        if again.files != scan.files:
            raise ChangedWhileReadError(
                f"{scan.path} changed while it was read",
                hint="wait until training has finished writing, then run the same command again",
            )
        digests = {entry.path: entry.digest for entry in manifest.files}
        known = {
            file.path: CachedDigest(file.stat, scan.at_ns, digests[file.path])
            for file in scan.files
        }
        if as_have:
            record = Record(manifest.digest, digests, exclude=self.excluded(scan.path))
        else:
            record = _settled(self.records.read(scan.path, name=name), manifest.digest)
        links = links_at(self.root, safe_parts(scan.path)) if scan.follow else {}
        self.records.write(scan.path, replace(record, name=name, files=known, links=links))
        self._read_again.add(scan.path)
        files = tuple(ListedFile(f.path, f.stat.size, digests[f.path]) for f in scan.files)
        return Weights(scan.kind, manifest.digest, manifest.total_size, files)

    def _open(self, parts: tuple[str, ...], inner: tuple[str, ...], *, follow: bool) -> int:
        return open_listed(self.root, (*parts, *inner), follow=follow)

    def hash(self, parts: tuple[str, ...], file: Found, *, follow: bool = False) -> CachedDigest:
        """Hash a listed file. Raises ChangedWhileReadError if it changed since it was listed."""
        return hash_listed(self._open(parts, file.parts, follow=follow), file, parts[-1])
