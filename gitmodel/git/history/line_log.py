"""Reads from Git what the first-parent line of a commit did to gitmodel's files, and when.

Git is asked for changes against the first parent (`git log --first-parent -m`), for the graph with its dates
(`git rev-list --parents --timestamp`), and, if a merge changed a file, for the commits of its branch.

Guarantee: what a commit of the line did, its time and who brought a file depend on the commit alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.instant import LAST_SECOND
from gitmodel.git.history.walk import History, read_raw_log, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gitmodel.git.history.walk import Change
    from gitmodel.git.repository import Repository

POINTERS = ".model.yaml"
ALIASES = ".alias.yaml"
DEPRECATIONS = ".deprecated.yaml"
SUFFIXES = (POINTERS, ALIASES, DEPRECATIONS)
_FORMAT = "--format=%H%n%P%n%ct%n%at%n%an <%ae>%n%cn <%ce>%n%s"
_LOG = (
    # The user's `log.diffMerges` would change what `-m` shows.
    *("-c", "log.follow=false", "-c", "log.diffMerges=first-parent"),
    *("log", "--first-parent", "-m", "--raw", "-z", "--root"),
    *("--no-renames", "--no-abbrev", _FORMAT, "--no-mailmap", "--no-show-signature"),
    *("--no-ext-diff", "--no-color", "--no-notes", "--ignore-submodules=all", "--encoding=UTF-8"),
)


class LineChange(NamedTuple):
    """One file that one commit of the line introduced, changed or deleted, compared with its first parent.

    Author ("Ana <ana@example.org>"), committer and subject, the first line of the message, are not escaped.
    Times are Unix seconds.
    """

    commit: str
    path: str  # relative to the top of the work tree
    oid: str | None  # its blob after the commit; None if it was deleted or is not a plain file now
    committed: int  # committer time: when the commit was made, merged or rebased
    when: int  # author time
    author: str
    subject: str
    is_merge: bool
    committer: str


class Origin(NamedTuple):
    """The commit that brought a change: for a merge the newest one of its branch that made the change."""

    commit: str
    author: str
    when: int  # author time
    subject: str


class LineRecord(NamedTuple):
    """A change of the line, with the time of its commit by the clock of the line."""

    change: LineChange
    number: int  # of its commit, from the oldest that this clone has, 0
    time: int  # Unix seconds: the greatest committer time of the commit and of those before it on the line
    origin: Origin


class Graph(NamedTuple):
    """Commits with their parents and committer times; the tip first, then those of the line."""

    line: tuple[str, ...]  # newest first
    parents: Mapping[str, Sequence[str]]
    committed: Mapping[str, int]

    @property
    def meets(self) -> str | None:
        """The first parent of the oldest commit of the line; None if it has none."""
        parents = self.parents[self.line[-1]] if self.line else ()
        return parents[0] if parents else None


def read_changes(
    repository: Repository,
    revisions: Sequence[str],
    suffixes: Sequence[str],
    *,
    most: int | None = None,
) -> list[LineChange]:
    """The changes of a line, newest first, to files whose path ends with one of `suffixes`. One process.

    The revisions are ids of commits, with `^` before those whose history is left out; `most` is how many
    commits with changes are read, all if None.
    """
    data = "".join(f"{revision}\n" for revision in revisions).encode("ascii")
    pathspecs = (f"*{suffix}" for suffix in suffixes)
    limit = () if most is None else (f"-n{most}",)
    output = repository.run(*_LOG, *limit, "--stdin", "--", *pathspecs, input_bytes=data)
    found: list[LineChange] = []
    for head, files in read_raw_log(output, 7):
        commit, parents, committed, when, author, committer, subject = head
        found += [
            LineChange(
                commit=commit,
                path=path,
                oid=oid,
                committed=_seconds(committed),
                when=_seconds(when),
                author=author,
                subject=subject,
                is_merge=" " in parents,
                committer=committer,
            )
            for path, oid in files
            if path.endswith(tuple(suffixes))
        ]
    return found


def read_graph(repository: Repository, tip: str, above: str | None = None) -> Graph:
    """The commits reachable from a tip and not from `above`, and the line among them. One process."""
    data = f"{tip}\n" if above is None else f"{tip}\n^{above}\n"
    output = repository.run(
        *("rev-list", "--parents", "--timestamp", "--stdin"),
        input_bytes=data.encode("ascii"),
    )
    parents: dict[str, Sequence[str]] = {}
    committed: dict[str, int] = {}
    for text in output.decode("ascii").splitlines():
        seconds, commit, *before = text.split(" ")
        parents[commit] = before
        committed[commit] = _seconds(seconds)
    line = []
    commit = tip
    while commit in parents:
        line.append(commit)
        if not parents[commit]:
            break
        commit = parents[commit][0]
    return Graph(tuple(line), parents, committed)


def _seconds(text: str) -> int:
    """A date of Git, up to the year 9999: a commit can claim any date.

    Git reads negative dates, and those of more than 64 bits, as such great numbers, and shows them as 1970.
    """
    seconds = seconds_of(text)
    return 0 if seconds >= 2**63 else max(0, min(seconds, LAST_SECOND))


def line_length(repository: Repository, tip: str, above: str) -> int:
    """How many commits of the line of a tip are not reachable from `above`. One process."""
    output = repository.run(
        *("rev-list", "--count", "--first-parent", "--stdin"),
        input_bytes=f"{tip}\n^{above}\n".encode("ascii"),
    )
    return int(output)


def times_of(graph: Graph, start: int = 0) -> dict[str, int]:
    """The time of each commit of the line, oldest first; `start` is the time of the commit before the oldest."""
    times: dict[str, int] = {}
    for commit in reversed(graph.line):
        start = max(start, graph.committed[commit])
        times[commit] = start
    return times


def records_of(
    repository: Repository,
    graph: Graph,
    changes: Iterable[LineChange],
    revisions: Sequence[str],
    *,
    before: tuple[int, int] = (0, 0),
) -> list[LineRecord]:
    """The changes with their times and origins. One more process if a merge is among them.

    `before` is how many commits of the line are older than the graph, and the time of the newest of them.
    """
    changes = list(changes)
    brought = _brought(repository, graph, changes, revisions)
    count, start = before
    times = times_of(graph, start)
    numbers = {commit: number for number, commit in enumerate(times, count)}
    return [
        LineRecord(change, numbers[change.commit], times[change.commit], _origin(change, brought))
        for change in changes
    ]


def _origin(change: LineChange, brought: Mapping[tuple[str, str], Change]) -> Origin:
    found = brought.get((change.commit, change.path))
    if found is None:  # of the line itself, or made by the merge
        return Origin(change.commit, change.author, change.when, change.subject)
    return Origin(found.commit, found.author, found.when, found.subject)


def _brought(
    repository: Repository,
    graph: Graph,
    changes: Sequence[LineChange],
    revisions: Sequence[str],
) -> dict[tuple[str, str], Change]:
    """By merge and path, the newest change of the merged branch that left the file as the merge has it."""
    wanted = {(one.commit, one.path, one.oid) for one in changes if one.is_merge}
    if not wanted:
        return {}
    owners = _owners(graph)
    tip, *hidden = revisions
    made = History(repository).changes(
        [tip], exclude=[oid.removeprefix("^") for oid in hidden], suffixes=SUFFIXES
    )
    found: dict[tuple[str, str], Change] = {}
    for change in made:  # newest first
        merge = owners.get(change.commit)
        if merge is not None and (merge, change.path, change.oid) in wanted:
            found.setdefault((merge, change.path), change)
    return found


def _owners(graph: Graph) -> dict[str, str]:
    """For each commit that is not on the line, the oldest merge of the line that has it."""
    on_line = frozenset(graph.line)
    owners: dict[str, str] = {}
    for merge in reversed(graph.line):
        left = list(graph.parents[merge][1:])
        while left:
            commit = left.pop()
            if commit in owners or commit in on_line or commit not in graph.parents:
                continue
            owners[commit] = merge
            left += graph.parents[commit]
    return owners
