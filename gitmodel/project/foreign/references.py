"""Which versions references mean in a repository that is elsewhere, fetching as little as possible.

The server is asked once for all references. Its default branch is what counts: its pointers, its
aliases, its configuration. A number or digest is looked for in that branch's history first, and only
then in all branches and tags, so that a pointer on some branch cannot take the place of one that was
merged. What never changes its meaning (a number, a digest, a full commit id) is also answered from
what is cached where the server cannot be reached; everything else is not.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.aliases import ALIASES_SUFFIX
from gitmodel.domain.pointer import POINTER_SUFFIX
from gitmodel.domain.text.escape import shown
from gitmodel.domain.text.lazy_regex import pattern
from gitmodel.errors import GitmodelError, NotSetUpError, RepositoryError, UnknownReferenceError
from gitmodel.git.cached_clone.clone import BASE, ref_names
from gitmodel.git.object_id import is_oid
from gitmodel.project.history.model_history import history_of
from gitmodel.project.project import CONFIG_NAME
from gitmodel.project.references import by_alias, models_at, resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gitmodel.domain.reference import Reference
    from gitmodel.git.cached_clone.clone import CachedClone
    from gitmodel.git.objects import TreeEntry
    from gitmodel.project.foreign.project import BorrowedProject
    from gitmodel.project.models import Model

_REVISION = pattern(r"([^~^]+)((?:[~^][0-9]*)*)")
_SHORT_COMMIT = pattern("[0-9a-f]{7,63}")
_NAMED_MODELS = 5


class Located(NamedTuple):
    """A version, and a commit in which its pointer, or the alias that means it, stands."""

    model: Model
    commit: str


class Locator:
    """Finds versions; the excerpt must be locked by the caller.

    Args:
        project: The project of the excerpt.
        excerpt: The excerpt.
        offline: The server is not asked.
    """

    def __init__(self, project: BorrowedProject, excerpt: CachedClone, *, offline: bool) -> None:
        self._project = project
        self._excerpt = excerpt
        self._offline = offline
        self._answer: dict[str, str] = {}
        self._failure: GitmodelError | None = None
        self._base = ""

    def find(self, references: Sequence[Reference]) -> list[Located]:
        """The versions that references mean, in their order.

        Raises:
            UnknownReferenceError: One means nothing.
            NotSetUpError: The repository has no configuration of gitmodel.
            GitCommandError: The server cannot be reached, and what is cached does not answer.
        """
        if not self._offline:
            self._ask([r.value for r in references if r.kind in ("git", "word")])
        self._use_base()
        self._bring_files(references)
        found = [self._find(reference) for reference in references]
        if self._failure is not None:
            self._project.context.note(
                f"{self._failure.message}; this is the answer of what is cached"
            )
        return found

    def _ask(self, revisions: Sequence[str]) -> None:
        """Ask the server, and bring the base up to date; a server that fails is noted."""
        words = [match[1] for text in revisions if (match := _REVISION.fullmatch(text))]
        try:
            self._answer = self._excerpt.ask(words)
            head = self._answer.get("HEAD")
            if head is None:
                raise RepositoryError(
                    f"{self._excerpt.url.shown} has no commit on its default branch",
                    hint="git push, or git symbolic-ref HEAD refs/heads/BRANCH, on the server",
                )
            self._excerpt.fetch_base(head)
        except GitmodelError as error:
            self._failure = error

    def _bring_files(self, references: Sequence[Reference]) -> None:
        """Have configuration, pointers and aliases of the base here, in one connection if at all.

        Raises:
            NotSetUpError: There is no configuration.
            RepositoryError: The server did not give one of the files.
        """
        names = {CONFIG_NAME}
        for reference in references:
            stem = reference.name.rpartition("/")[2]
            names |= {stem + POINTER_SUFFIX, stem + ALIASES_SUFFIX}
        if self._gives_no_files(names):
            self._excerpt.fetch_with_files()
            self._use_base()
        if CONFIG_NAME not in self._bring(self._base, names):
            raise NotSetUpError(
                f"{self._excerpt.url.shown} has no {CONFIG_NAME} on its default branch",
                hint="is it the right repository?",
            )
        _ = self._project.config  # whatever is wrong with it is said before anything else

    def _bring(self, commit: str, names: Collection[str]) -> list[str]:
        """Have the files of these names of a commit here; their paths.

        Raises:
            RepositoryError: One is not to be had, or too large to be a file of gitmodel.
        """
        entries = self._entries(commit, names)
        here = self._project.reader.blobs([entry.oid for entry in entries])
        for path, oid in entries:
            if oid not in here:
                where = f"{shown(path)} of {self._excerpt.url.shown}"
                raise self._failure or RepositoryError(
                    f"{where} is not in the cache" if self._offline else f"{where} cannot be read",
                    hint="leave out --offline" if self._offline else "is it over 64 KiB?",
                )
        return [entry.path for entry in entries]

    def _entries(self, commit: str, names: Collection[str]) -> list[TreeEntry]:
        return [
            entry
            for entry in self._project.reader.tree(commit, ".yaml")
            if entry.path.rpartition("/")[2] in names
        ]

    def _gives_no_files(self, names: Collection[str]) -> bool:
        """Whether the server left files out and does not give them when it is asked for them."""
        if self._offline or self._failure is not None or self._excerpt.has_files:
            return False
        oids = [entry.oid for entry in self._entries(self._base, names)]
        return bool(
            oids and not self._project.reader.blobs(oids) and not self._excerpt.has_any(oids)
        )

    def _use_base(self) -> None:
        """Go on from the base of the excerpt as it is now.

        Raises:
            UnknownReferenceError: There is none, because nothing was ever fetched.
        """
        self._project.forget(self._excerpt.repository)
        base = self._project.reader.resolve(BASE)
        if base is None:
            raise self._failure or UnknownReferenceError(
                f"nothing of {self._excerpt.url.shown} is cached", hint="leave out --offline"
            )
        self._base = base
        self._project.tips = [base]

    def _find(self, reference: Reference) -> Located:
        try:
            if reference.kind in ("version", "digest"):
                return self._in_history(reference)
            if reference.kind == "git" and is_oid(reference.value):
                return self._at(reference, reference.value)
            if self._failure is not None:
                raise self._failure
            if reference.kind == "latest":
                return Located(self._model_at(reference, self._base), self._base)
            if reference.kind == "word":
                model = by_alias(self._project, reference)
                if model is not None:
                    return Located(model, self._base)
            return self._at(reference, reference.value)
        except UnknownReferenceError as error:
            raise self._failure or self._explained(error) from error

    def _model_at(self, reference: Reference, commit: str) -> Model:
        if commit != self._base:
            self._bring(commit, [reference.name.rpartition("/")[2] + POINTER_SUFFIX])
        return resolve(self._project, replace(reference, kind="git", value=commit))

    def _in_history(self, reference: Reference) -> Located:
        last: GitmodelError | None = None
        for _ in self._wider_history():
            try:
                model = resolve(self._project, reference)
            except UnknownReferenceError as error:
                last = error
            else:
                return Located(model, self._introduced(model))
        raise last or UnknownReferenceError(f"there is no {reference}")

    def _wider_history(self) -> Iterator[None]:
        """Set the project's tips to more and more; each step costs more than the one before."""
        yield
        may_fetch = not self._offline and self._failure is None
        if self._excerpt.is_cut() and may_fetch:
            self._excerpt.fetch_history()
            self._project.forget(self._excerpt.repository)
            yield
        known = self._excerpt.tips()
        if set(known) - {self._base}:
            self._project.tips = [self._base, *known]
            yield
        if may_fetch:
            self._excerpt.fetch_all()
            self._project.forget(self._excerpt.repository)
            fresh = self._excerpt.tips()
            if set(fresh) != set(known):
                self._project.tips = [self._base, *fresh]
                yield

    def _introduced(self, model: Model) -> str:
        """The oldest commit known here in which a version's pointer stands."""
        same = [
            item.change.commit
            for item in history_of(self._project, model.name).seen
            if item.model.raw == model.raw
        ]
        return same[-1] if same else self._base

    def _at(self, reference: Reference, revision: str) -> Located:
        commit = self._commit(revision)
        if commit is None:
            what = "branch, tag or commit" if reference.kind == "git" else "alias, branch or tag"
            raise UnknownReferenceError(
                f"{self._excerpt.url.shown} has no {what} {revision!r}",
                hint="HEAD",  # replaced by what there is
                model=reference.name,
            )
        return Located(self._model_at(reference, commit), commit)

    def _commit(self, revision: str) -> str | None:
        """The commit of a branch, a tag, a commit id, or of one of these with ~N or ^N behind it."""
        match = _REVISION.fullmatch(revision)
        if match is None:
            return None
        base, steps = match[1], match[2]
        if base in ("HEAD", "@"):
            if steps:
                self._deepen("HEAD")
            return self._project.reader.resolve(f"{self._base}{steps}")
        for name in () if is_oid(base) else ref_names(base):
            oid = self._answer.get(name) if not self._offline else self._excerpt.oid_of(name)
            if oid is None:
                continue
            if not self._offline:
                self._excerpt.fetch_ref(name, oid)
                self._project.forget(self._excerpt.repository)
            if steps:
                self._deepen(name)
            return self._project.reader.resolve(f"{oid}{steps}")
        return self._by_id(base, steps)

    def _deepen(self, name: str) -> None:
        if not self._offline and self._excerpt.is_cut():
            self._excerpt.fetch_history(name)
            self._project.forget(self._excerpt.repository)

    def _by_id(self, oid: str, steps: str) -> str | None:
        """The commit of a full or short id; of a short one only if some branch or tag reaches it."""
        may_fetch = not self._offline and self._failure is None
        if is_oid(oid):
            if not self._excerpt.has_commit(oid):
                if not may_fetch:
                    return None
                self._fetch_commit(oid)
            if steps and may_fetch and self._excerpt.is_cut():
                self._fetch_all()
            return self._project.reader.resolve(f"{oid}{steps}")
        if not _SHORT_COMMIT.fullmatch(oid):
            return None
        found = self._project.reader.resolve(oid)
        if may_fetch and (found is None or not found.startswith(oid) or steps):
            self._fetch_all()
            found = self._project.reader.resolve(oid)
        if found is None or not found.startswith(oid):
            return None
        return self._project.reader.resolve(f"{found}{steps}")

    def _fetch_commit(self, oid: str) -> None:
        try:
            self._excerpt.fetch_commit(oid)
        except GitmodelError:  # a server that gives out tips only
            self._excerpt.fetch_all()
        self._project.forget(self._excerpt.repository)

    def _fetch_all(self) -> None:
        self._excerpt.fetch_all()
        self._project.forget(self._excerpt.repository)

    def _explained(self, error: UnknownReferenceError) -> UnknownReferenceError:
        """The same with a hint for somebody who has no clone to look around in."""
        hint = error.hint or ""
        message = error.message.removesuffix(f" at {self._base}")
        if hint.startswith(("gitmodel ", "git fetch", "git log", "HEAD")):
            names = [model.name for model in models_at(self._project, self._base)]
            if self._offline:
                hint = "leave out --offline"
            elif error.model in names or not names:
                hint = f"git clone {shlex.quote(self._excerpt.url.shown)}, and in it gitmodel log"
            else:
                hint = f"there are {', '.join(sorted(names)[:_NAMED_MODELS])}"
        return UnknownReferenceError(message, hint=hint, model=error.model)
