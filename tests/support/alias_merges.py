"""Merges of aliases and deprecations: histories made by `git fast-import`, and what a merge may leave.

A *tree* is the aliases, deprecations and pointers of a commit: path -> text. A *merge* is three trees, as Git sees
a merge, a rebase, a cherry-pick, a revert, a squash or a stash. The rule that each of them is held against: a file
that reads as valid is one side whole, under the alias that this side has it under.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gitmodel.domain.aliases import Alias
from gitmodel.domain.conflict_text import OTHER_SIDE
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import (
    ALIAS_SUFFIX,
    DEPRECATED_SUFFIX,
    POINTER_SUFFIX,
    Pointer,
    Previous,
)
from gitmodel.errors import AliasError, GitmodelError
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from gitmodel.workflows.resolve import resolve
from gitmodel.workflows.status import status
from tests.support.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gitmodel.domain.conflict_text import Side

Tree = dict[str, str]
How = Literal["merge", "rebase", "cherry-pick", "revert", "squash", "stash"]

HOWS: tuple[How, ...] = ("merge", "rebase", "cherry-pick", "revert", "squash", "stash")
SUFFIXES = (POINTER_SUFFIX, ALIAS_SUFFIX, DEPRECATED_SUFFIX)
DRIVER_KEYS = ("merge.gitmodel.driver", "merge.gitmodel.recursive")


def alias(
    word: str, version: int, why: str | None = None, *, name: str = "fraud", content: str = ""
) -> Tree:
    """The file of an alias that means a version; `content` tells two contents of one number apart."""
    one = Alias(
        name=name,
        alias=word,
        version=version,
        digest=digest_of(f"{version}{content}".encode()),
        size=1000 + version,
        chunks=digest_of(f"chunks {version}{content}".encode()),
        metrics={"auc": 0.9 + version / 100, "logloss": 0.2 - version / 100},
        previous=Previous(1, digest_of(b"1")) if version > 1 else None,
        why=why,
    )
    return {f"{name}.{word}{ALIAS_SUFFIX}": one.to_text()}


def deprecated(name: str = "fraud", **entries: str) -> Tree:
    """The file of deprecations; `v3="leaked labels"` is version 3."""
    file = Deprecations({int(key[1:]): Deprecation(why=why) for key, why in entries.items()})
    return {f"{name}{DEPRECATED_SUFFIX}": file.to_text()}


def model(name: str = "fraud", version: int = 4) -> Tree:
    """A pointer."""
    digest = digest_of(str(version).encode())
    one = Pointer(name=name, version=version, digest=digest, size=1, path=f"{name}.bin")
    return {f"{name}{POINTER_SUFFIX}": one.to_text()}


def tree(*parts: Tree) -> Tree:
    """The parts together, with the pointer of fraud."""
    merged = model()
    for part in parts:
        merged |= part
    return merged


@dataclass
class Sides:
    """What the sides of a merge have: the valid aliases by model and alias, and the deprecations by model."""

    aliases: dict[tuple[str, str], list[Alias]] = field(default_factory=dict)
    entries: dict[tuple[str, int], list[Deprecation]] = field(default_factory=dict)

    @classmethod
    def of(cls, trees: Iterable[Tree]) -> Sides:
        """Read the trees."""
        sides = cls()
        for files in trees:
            for path, text in files.items():
                sides._take(path, text)
        return sides

    def _take(self, path: str, text: str) -> None:
        if (one := valid_alias(path, text)) is not None:
            self.aliases.setdefault((one.name, one.alias), []).append(one)
        for number, entry in valid_deprecations(path, text).items():
            self.entries.setdefault((_stem(path), number), []).append(entry)

    def problems(
        self, files: Mapping[str, str], *, whole: bool, resolved: bool = False
    ) -> list[str]:
        """The files that read as valid but are of no side.

        Args:
            files: Path -> text.
            whole: Whether an alias must be a side byte for byte; else version and digest must be of one side.
            resolved: Whether a person took a side: an alias of a renamed model then follows the model.
        """
        found = []
        for path, text in files.items():
            one = valid_alias(path, text)
            known = [] if one is None else self.aliases.get((one.name, one.alias), [])
            if one is not None and resolved:
                lists = [known for (_, word), known in self.aliases.items() if word == one.alias]
                known = [other for known in lists for other in known]
            if one is not None and not any(other.means(one) for other in known):
                found.append(f"{path}: {one} means version {one.version} ({one.digest.short})")
            elif one is not None and whole and one.to_text() not in [o.to_text() for o in known]:
                found.append(f"{path}: {one} is no side whole")
            for number, entry in valid_deprecations(path, text).items():
                if entry not in self.entries.get((_stem(path), number), []):
                    found.append(f"{path}: version {number}: {entry.why}")
        return found


def valid_alias(path: str, text: str) -> Alias | None:
    """The alias of a file, if it reads as valid."""
    try:
        return Alias.from_text(text, path) if path.endswith(ALIAS_SUFFIX) else None
    except GitmodelError:
        return None


def valid_deprecations(path: str, text: str) -> Mapping[int, Deprecation]:
    """The entries of a file, if it reads as valid."""
    try:
        valid = path.endswith(DEPRECATED_SUFFIX)
        return Deprecations.from_text(text, what=path).versions if valid else {}
    except GitmodelError:
        return {}


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(DEPRECATED_SUFFIX)


class MergeWorld:
    """A repository in which merges are made: it is set up, and has neither hooks nor driver of its own.

    Args:
        repo: The repository.
        bare: A bare repository for `git merge-tree`.
    """

    def __init__(self, repo: Repo, bare: Repo) -> None:
        self.repo = repo
        self.bare = bare
        keys = dict.fromkeys(DRIVER_KEYS, "")
        for key in keys:
            keys[key] = repo.git("config", f"kept.{key}").stdout.removesuffix("\n")
        self.driver = [word for key, value in keys.items() for word in ("-c", f"{key}={value}")]
        self.files = {
            name: repo.read(name).decode() for name in (".gitattributes", ".gitmodel.yaml")
        }

    def commit(self, *history: tuple[str, Sequence[str], Tree]) -> None:
        """Make commits; one is the branch, its parents and its tree. One process."""
        stream = []
        marks: dict[str, str] = {}
        for number, (branch, parents, files) in enumerate(history, 1):
            above = [marks.get(parent, f"refs/heads/{parent}^0") for parent in parents]
            stream += [
                *([] if parents else [f"reset refs/heads/{branch}\n"]),
                f"commit refs/heads/{branch}\nmark :{number}\n",
                f"committer Ana <ana@example.org> {self.repo.now()} +0000\n",
                f"data {len(branch)}\n{branch}\n",
                *(f"{'merge' if n else 'from'} {parent}\n" for n, parent in enumerate(above)),
                "deleteall\n",
                *(
                    f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n"
                    for path, text in sorted((self.files | files).items())
                ),
            ]
            marks[branch] = f":{number}"
        self.repo.git("fast-import", "--quiet", "--force", input_text="".join(stream))

    def make(self, base: Tree, ours: Tree, theirs: Tree) -> None:
        """The branches base, ours and theirs, and `undone`, whose last commit a revert undoes to have `theirs`."""
        self.commit(
            ("base", (), base),
            ("ours", ("base",), ours),
            ("theirs", ("base",), theirs),
            ("reverted", (), theirs),
            ("reverted", ("reverted",), base),
            ("undone", ("reverted",), ours),
        )

    def run(self, how: How, *, favour: str = "", driver: bool) -> bool:
        """Make a merge; returns whether it ended without a conflict.

        Args:
            how: What Git does; each of them merges base, ours and theirs.
            favour: "ours" or "theirs" for the option -X, which the stash does not have.
            driver: Whether the clone has the merge driver.
        """
        start, command = {
            "merge": ("ours", ("merge", "-q", "-m", "merged")),
            "squash": ("ours", ("merge", "-q", "--squash")),
            "cherry-pick": ("ours", ("cherry-pick", "--allow-empty", "--keep-redundant-commits")),
            "rebase": ("theirs", ("rebase", "-q", "--empty=keep")),
            "revert": ("undone", ("revert", "--no-edit")),
            "stash": ("base", ("stash", "pop", "-q")),
        }[how]
        favoured = ("-X", favour) if favour and how != "stash" else ()
        target = {"rebase": ("ours",), "revert": ("reverted",), "stash": ()}.get(how, ("theirs",))
        self.clean()
        self.repo.git("checkout", "-q", "-f", "-B", "work", start)
        if how == "stash":
            self.repo.git("read-tree", "-u", "--reset", "theirs")
            self.repo.git("stash", "-q")
            self.repo.git("checkout", "-q", "-f", "-B", "work", "ours")
        arguments = [*(self.driver if driver else ()), *command, *favoured, *target]
        done = self.repo.git(*arguments, check=False)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.returncode == 0 and not self.repo.git("ls-files", "-u").stdout

    def clean(self) -> None:
        """End whatever an earlier merge left."""
        if (self.repo.path / ".git/rebase-merge").exists():
            self.repo.git("rebase", "--quit")
        self.repo.git("reset", "-q", "--hard")
        self.repo.git("clean", "-qfd")
        self.repo.git("stash", "clear")

    def left(self) -> list[dict[str, str]]:
        """The files of gitmodel in the work tree, and those of the index that are not in conflict."""
        names = self.repo.git("ls-files", "-s", "-z").stdout.split("\0")[:-1]
        staged = {}
        for line in names:
            head, _, path = line.partition("\t")
            if head.endswith(" 0") and path.endswith(SUFFIXES):
                staged[path] = head.split(" ")[1]
        disk = {
            path.relative_to(self.repo.path).as_posix(): path.read_text(encoding="utf-8")
            for path in self.repo.path.glob("*.yaml")
            if path.name.endswith(SUFFIXES)
        }
        return [disk, self._blobs(self.repo, staged)]

    def in_bare(self) -> tuple[bool, dict[str, str]]:
        """`git merge-tree` of ours and theirs in the bare repository: whether it is clean, and the tree."""
        refs = [f"+refs/heads/{name}:refs/heads/{name}" for name in ("ours", "theirs")]
        self.bare.git("fetch", "-q", str(self.repo.path), *refs)
        done = self.bare.git("merge-tree", "--write-tree", "ours", "theirs", check=False)
        assert done.returncode in (0, 1), done.stderr
        listed = self.bare.git("ls-tree", "-r", "-z", done.stdout.split("\n")[0]).stdout
        oids = {}
        for line in listed.split("\0")[:-1]:
            head, _, path = line.partition("\t")
            oids[path] = head.split(" ")[2]
        return done.returncode == 0, self._blobs(self.bare, oids)

    @staticmethod
    def _blobs(repo: Repo, oids: Mapping[str, str]) -> dict[str, str]:
        asked = "".join(f"{oid}\n" for oid in oids.values())
        output = repo.git("cat-file", "--batch", input_text=asked).stdout.encode()
        found = {}
        for path in oids:
            head, _, output = output.partition(b"\n")
            size = int(head.split()[2])
            found[path], output = output[:size].decode(), output[size + 1 :]
        return found

    def open(self) -> Project:
        """The project."""
        return Project.open(Context(environment=os.environ, folder=str(self.repo.path)))

    def named(self) -> list[str]:
        """The commands of the conflicts that `status` names, each without its sides."""
        with self.open() as project:
            hints = [e.hint or "" for e in status(project).broken if "unresolved" in str(e)]
        return [hint.split(" ")[2] for hint in hints]

    def resolve(self, side: Side) -> list[str]:
        """End all conflicts by taking a side; returns the references.

        A side that cannot be read is not taken: the other one is, or the file is removed, as the hint says.
        """
        references = []
        while left := self.named():
            references.append(left[0])
            assert len(references) < 20, references
            remove = self._refused(left[0], side) and self._refused(left[0], OTHER_SIDE[side])
            if remove:
                self.repo.git(*remove)
        assert self.repo.git("ls-files", "-u").stdout == ""
        return references

    def _refused(self, reference: str, side: Side) -> list[str]:
        """Take a side; returns the other command of the hint if the side cannot be read."""
        try:
            with self.open() as project:
                resolve(project, reference, side)
        except AliasError as error:
            return (error.hint or "").partition("; or git ")[2].split(" ")
        return []


def build_world(folder: Path) -> Repo:
    """A repository without hooks; the driver is kept beside the configuration, for single merges."""
    bare = Repo.create(folder / "server.git", "--bare")
    repo = Repo.create(folder / "ana")
    repo.write("README.md", "models\n")
    repo.gitmodel("init", str(folder / "store"))
    repo.commit("set up")
    for key in DRIVER_KEYS:
        value = repo.git("config", key).stdout.removesuffix("\n")
        repo.git("config", f"kept.{key}", value)
    repo.git("config", "--remove-section", "merge.gitmodel")
    repo.git("config", "core.hooksPath", str(folder / "no-hooks"))
    del bare
    return repo
