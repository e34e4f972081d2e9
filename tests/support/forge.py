"""A simulated forge: histories with pull requests, and a log of when its main branch really changed.

Contributors have clocks of their own, wrong by up to 30 days for authors and committers each. The forge has the right
time, and stamps the commits that it makes: merge commits, squashes, and the commits of a rebase. Direct pushes keep the
date that the person's clock gave them. A forced push takes commits off the branch.

The log has, for each commit that was the tip of main and still is on its line, the time of the change: for a commit of
the forge the true time, whatever any commit says. For a direct push it is what the dates of the commits promise: the
committer date, or the time of the entry before if that is later.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import digest_of
from tests.support.repo import GIT, Repo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Style = Literal["merge", "squash", "rebase"]
Clocks = Literal["no direct pushes", "right", "wrong"]
START = 1_700_000_000
DAY = 86_400
SKEW = 30 * DAY
ALIASES = ("production", "staging")
PEOPLE = ("Ada", "Ben", "Grace", "Linus")
FORGE = "Forge <noreply@forge.example>"


def path_of(alias: str) -> str:
    return f"models/fraud.{alias}.alias.yaml"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit by its mark, with all files of its tree."""

    mark: int
    parents: tuple[int, ...]
    files: dict[str, bytes]
    author: str
    authored: int
    committer: str
    committed: int
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the forge's log: a commit became the tip of main."""

    time: int
    mark: int
    true: int  # when it did, by the right time


@dataclass
class Branch:
    """A branch of a contributor."""

    base: int  # the newest commit of main that it has
    tip: int
    made: list[int] = field(
        default_factory=list
    )  # its own commits that are not merges, oldest first


class Forge:
    """Makes one history. `clocks` says whose clocks the commits of direct pushes have."""

    def __init__(self, seed: int, *, clocks: Clocks, steps: int = 24) -> None:
        self.random = random.Random(seed)  # noqa: S311 - not for secrets
        self.now = START
        self.commits: list[Commit] = []
        self.log: list[Entry] = []
        self.forced: list[tuple[int, int]] = []  # tips of main before and after each forced push
        self.phases: list[tuple[int, int]] = []  # number of commits and tip of main after each push
        self.styles: list[Style] = []  # of the merges
        self.skews = {
            name: (self._between(-SKEW, SKEW), self._between(-SKEW, SKEW)) for name in PEOPLE
        }
        self._clocks = clocks
        self._reason = 0
        self.main = self._commit(
            (), {"README.md": b"models\n"}, "Ada", (self.now, self.now), "start"
        )
        self._reached(self.main, self.now)
        self._branches: list[Branch] = []
        for _ in range(steps):
            self.now += self._between(60, 2 * DAY)
            self._step()

    def surviving(self) -> list[Entry]:
        """The log without commits that a forced push took off the branch, oldest first."""
        line = set()
        mark: int | None = self.main
        while mark is not None:
            line.add(mark)
            parents = self.commits[mark].parents
            mark = parents[0] if parents else None
        last: dict[int, Entry] = {}
        for entry in self.log:  # after a forced push a commit keeps its first time
            if entry.mark in line:
                last.setdefault(entry.mark, entry)
        return sorted(last.values(), key=lambda entry: entry.mark)

    def value(self, mark: int, alias: str) -> int | None:
        """The version that an alias means in a commit."""
        raw = self.commits[mark].files.get(path_of(alias))
        return None if raw is None else Alias.from_text(raw, path_of(alias)).version

    def _step(self) -> None:
        works = [self._open, self._merge, self._merge, self._revert, self._roll_back, self._remove]
        if self._clocks != "no direct pushes":
            works += [self._push]
        if self.random.random() < 0.06:
            works = [self._force]
        self.random.choice(works)()

    def _open(self) -> Branch:
        """A contributor's branch, from a recent commit of main."""
        start = self.main
        for _ in range(self._between(0, 3)):
            parents = self.commits[start].parents
            start = parents[0] if parents else start
        branch = Branch(start, start)
        for _ in range(self._between(1, 3)):
            self._work(branch)
        self._branches.append(branch)
        return branch

    def _work(self, branch: Branch, files: dict[str, bytes] | None = None) -> None:
        """One commit of a contributor, by the contributor's clocks."""
        name = self.random.choice(PEOPLE)
        files = self._changed(self.commits[branch.tip].files) if files is None else files
        wrote, made = self._clock_of(name)
        branch.tip = self._commit((branch.tip,), files, name, (wrote, made), f"work of {name}")
        branch.made.append(branch.tip)

    def _changed(self, files: dict[str, bytes]) -> dict[str, bytes]:
        if self.random.random() < 0.4:
            return {**files, f"notes-{len(self.commits)}.txt": b"notes\n"}
        alias = self.random.choice(ALIASES)
        return {**files, path_of(alias): self._alias(alias, self._between(1, 9))}

    def _alias(self, alias: str, version: int) -> bytes:
        self._reason += 1
        weights = f"weights {version}".encode()
        return (
            Alias(
                name="fraud",
                alias=alias,
                version=version,
                digest=digest_of(weights),
                size=len(weights),
                why=f"reason {self._reason}",
            )
            .to_text()
            .encode()
        )

    def _merge(self) -> None:
        """The forge merges a branch, now."""
        if not self._branches:
            self._open()
        at = self._between(0, len(self._branches) - 1)
        self._deliver(self._branches.pop(at))

    def _deliver(self, branch: Branch) -> None:
        files = self._three_way(branch)
        if files is None:  # a conflict: the contributor merges main and takes a side
            name = self.random.choice(PEOPLE)
            wrote, made = self._clock_of(name)
            ours, theirs = self.commits[branch.tip].files, self.commits[self.main].files
            files = {**theirs, **ours} if self.random.random() < 0.5 else {**ours, **theirs}
            parents = (branch.tip, self.main)
            branch.tip = self._commit(parents, files, name, (wrote, made), "Merge main")
            branch.base = self.main
            if files == theirs:
                return
            style: Style = self.random.choice(("merge", "squash"))
        else:
            style = self.random.choice(("merge", "squash", "rebase"))
        self.styles.append(style)
        if style == "merge":
            merger = self.random.choice(PEOPLE)
            self._land((self.main, branch.tip), files, merger, self.now, "Merge pull request")
        elif style == "squash":
            author = self.commits[branch.made[0]].author.partition(" <")[0]
            written = self.random.choice((self.now, self.commits[branch.made[0]].authored))
            self._land((self.main,), files, author, written, "Squashed (#1)")
        else:
            self._rebase(branch)

    def _rebase(self, branch: Branch) -> None:
        for mark in branch.made:
            one = self.commits[mark]
            before = self.commits[one.parents[0]].files
            files = dict(self.commits[self.main].files)
            for path in {*before, *one.files}:
                if before.get(path) != one.files.get(path):
                    files.pop(path, None)
                    if path in one.files:
                        files[path] = one.files[path]
            name = one.author.partition(" <")[0]
            self._land((self.main,), files, name, one.authored, one.message)

    def _land(
        self,
        parents: tuple[int, ...],
        files: dict[str, bytes],
        author: str,
        authored: int,
        message: str,
    ) -> None:
        """A commit of the forge becomes the tip of main."""
        mark = self._commit(parents, files, author, (authored, self.now), message, committer=FORGE)
        self._reached(mark, self.now)

    def _revert(self) -> None:
        """The button "Revert": a pull request with the files as they were a few commits ago."""
        older = self.main
        for _ in range(self._between(1, 3)):
            parents = self.commits[older].parents
            older = parents[0] if parents else older
        branch = Branch(self.main, self.main)
        files = dict(self.commits[self.main].files)
        for alias in ALIASES:
            files.pop(path_of(alias), None)
            if path_of(alias) in self.commits[older].files:
                files[path_of(alias)] = self.commits[older].files[path_of(alias)]
        if files != self.commits[self.main].files:
            self._work(branch, files)
            self._deliver(branch)

    def _roll_back(self) -> None:
        alias = self.random.choice(ALIASES)
        values = [self.value(entry.mark, alias) for entry in self.surviving()]
        known = [value for value in values if value is not None]
        if len(known) > 1:
            branch = Branch(self.main, self.main)
            files = dict(self.commits[self.main].files)
            self._work(branch, {**files, path_of(alias): self._alias(alias, known[-2])})
            self._deliver(branch)

    def _remove(self) -> None:
        alias = self.random.choice(ALIASES)
        files = dict(self.commits[self.main].files)
        if files.pop(path_of(alias), None) is not None:
            branch = Branch(self.main, self.main)
            self._work(branch, files)
            self._deliver(branch)

    def _push(self) -> None:
        """A direct push of one or more commits, by the clock of the person."""
        name = self.random.choice(PEOPLE)
        for _ in range(self._between(1, 2)):
            wrote, made = self._clock_of(name) if self._clocks == "wrong" else (self.now, self.now)
            files = self._changed(self.commits[self.main].files)
            mark = self._commit((self.main,), files, name, (wrote, made), "pushed directly")
            self._reached(mark, made)
            self.now += self._between(1, 3600)

    def _force(self) -> None:
        """An older commit of main becomes its tip."""
        old = self.main
        for _ in range(self._between(1, 3)):
            parents = self.commits[self.main].parents
            self.main = parents[0] if parents else self.main
        if self.main != old:
            self.forced.append((old, self.main))
            self.phases.append((len(self.commits), self.main))
            self._branches = [one for one in self._branches if self._is_on(one.base)]

    def _is_on(self, mark: int) -> bool:
        return mark in {entry.mark for entry in self.surviving()}

    def _three_way(self, branch: Branch) -> dict[str, bytes] | None:
        """The merged files, None if both sides changed one."""
        base, ours, theirs = (
            self.commits[mark].files for mark in (branch.base, self.main, branch.tip)
        )
        files = {}
        for path in {*base, *ours, *theirs}:
            sides = base.get(path), ours.get(path), theirs.get(path)
            if sides[1] != sides[2] and sides[0] not in sides[1:]:
                return None
            value = sides[2] if sides[0] == sides[1] else sides[1]
            if value is not None:
                files[path] = value
        return files

    def _clock_of(self, name: str) -> tuple[int, int]:
        """The author and committer time that a person's machine gives a commit now."""
        author, committer = self.skews[name]
        return self.now + author, self.now + committer

    def _reached(self, mark: int, committed: int) -> None:
        """A commit became the tip of main."""
        self.main = mark
        before = self.surviving()
        time = committed
        if self._clocks == "wrong" and before:
            time = max(time, before[-1].time)
        self.log.append(Entry(time, mark, self.now))
        self.phases.append((len(self.commits), mark))

    def _commit(
        self,
        parents: tuple[int, ...],
        files: dict[str, bytes],
        author: str,
        times: tuple[int, int],
        message: str,
        *,
        committer: str | None = None,
    ) -> int:
        """Make a commit; `times` are that of the author and that of the committer."""
        authored, committed = times
        who = f"{author} <{author.lower()}@example.org>"
        mark = len(self.commits)
        self.commits.append(
            Commit(mark, parents, files, who, authored, committer or who, committed, message)
        )
        return mark

    def _between(self, least: int, most: int) -> int:
        return self.random.randint(least, most)


class Served:
    """The history of a forge as a bare repository, and a clone that fetched after every push."""

    def __init__(self, forge: Forge, folder: Path) -> None:
        self.server = Repo.create(folder / "server.git", "--bare")
        self.clone = Repo.create(folder / "clone")
        self.clone.git("remote", "add", "origin", str(self.server.path))
        self._marks = folder / "marks"
        self._marks.touch()
        done = 0
        # Fetching after each push would take most of the time: one fetch before and after each forced push.
        stops = {tip for pair in forge.forced for tip in pair} | {forge.main}
        for count, tip in forge.phases:
            if tip in stops:
                self._import(forge.commits[done:count], tip)
                done = count
                self.clone.git("fetch", "-q", "origin", "+refs/heads/main:refs/remotes/origin/main")
        self.ids = self._read_marks()

    def _import(self, commits: Sequence[Commit], tip: int) -> None:
        stream = b"".join(_stream(commit) for commit in commits)
        stream += f"reset refs/heads/main\nfrom :{tip + 1}\n\ndone\n".encode()
        subprocess.run(
            [
                *(GIT, "fast-import", "--quiet", "--force", "--done"),
                *(f"--import-marks={self._marks}", f"--export-marks={self._marks}"),
            ],
            cwd=self.server.path,
            input=stream,
            check=True,
        )

    def _read_marks(self) -> list[str]:
        """The id of each commit, by its mark."""
        pairs = (line.split() for line in self._marks.read_text().splitlines())
        found = {int(mark[1:]): oid for mark, oid in pairs}
        return [found.get(number, "") for number in range(1, max(found) + 1)]


def _stream(commit: Commit) -> bytes:
    """One command of `git fast-import`; marks begin at 1, and refs/heads/made is any branch."""
    message = commit.message.encode()
    head = (
        f"commit refs/heads/made\nmark :{commit.mark + 1}\n"
        f"author {commit.author} {commit.authored} +0000\n"
        f"committer {commit.committer} {commit.committed} +0000\ndata {len(message)}\n"
    ).encode()
    parents = "".join(
        f"{'merge' if index else 'from'} :{parent + 1}\n"
        for index, parent in enumerate(commit.parents)
    )
    if not commit.parents:  # a branch that exists would be continued
        head = b"reset refs/heads/made\n\n" + head
    files = b"".join(
        f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"
        for path, data in sorted(commit.files.items())
    )
    return head + message + b"\n" + parents.encode() + b"deleteall\n" + files + b"\n"
