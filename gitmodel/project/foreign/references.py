"""Resolve references in another repository, fetching as little as possible.

The server is contacted once for all references. Pointers, aliases and configuration come from its default
branch. A number or digest is searched in the history of that branch first, and in other branches and tags only
if it is not found, so that a pointer on some branch cannot replace a merged one. If the server cannot be
reached, only references that never change (number, digest, full commit id) are resolved, from the cache.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.pointer import ALIAS_SUFFIX, DEPRECATED_SUFFIX, EARLY_SUFFIX, POINTER_SUFFIX
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import GitmodelError, NotSetUpError, RepositoryError, UnknownReferenceError
from gitmodel.git.cached_clone.clone import BASE, ref_names
from gitmodel.git.objects import is_oid
from gitmodel.project.history.model_history import history_of
from gitmodel.project.project import CONFIG_NAME
from gitmodel.project.references import by_alias, models_at, resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gitmodel.domain.reference import Reference
    from gitmodel.git.cached_clone.clone import CachedClone
    from gitmodel.git.objects import TreeEntry
    from gitmodel.project.foreign.project import ForeignProject
    from gitmodel.project.models import Model

_REVISION = lazy_compile(r"([^~^]+)((?:[~^][0-9]*)*)")
_SHORT_COMMIT = lazy_compile("[0-9a-f]{7,63}")
_NAMED_MODELS = 5


class Located(NamedTuple):
    """A version, and a commit that contains its pointer or the alias that names it."""

    model: Model
    commit: str


class Locator:
    """Resolves references; the caller locks the cached clone. With `offline` the server is not contacted."""

    def __init__(self, project: ForeignProject, clone: CachedClone, *, offline: bool) -> None:
        self._project = project
        self._clone = clone
        self._offline = offline
        self._remote_refs: dict[str, str] = {}
        self._failure: GitmodelError | None = None
        self._base = ""

    def find(self, references: Sequence[Reference]) -> list[Located]:
        """The versions of these references, in order.

        Raises UnknownReferenceError if a reference matches nothing, NotSetUpError if the repository has
        no gitmodel configuration, GitCommandError if the server cannot be reached, and the cache is not
        sufficient.
        """
        if not self._offline:
            self._query_server([r.value for r in references if r.kind in ("git", "word")])
        self._use_base()
        self._fetch_base_files(references)
        found = [self._find(reference) for reference in references]
        if self._failure is not None:
            self._project.context.note(f"{self._failure.message}; the result comes from the cache")
        return found

    def _query_server(self, revisions: Sequence[str]) -> None:
        """Query the refs on the server and fetch its default branch; a failure is stored."""
        words = [match[1] for text in revisions if (match := _REVISION.fullmatch(text))]
        try:
            self._remote_refs = self._clone.query_refs(words)
            head = self._remote_refs.get("HEAD")
            if head is None:
                raise RepositoryError(
                    f"{self._clone.url.shown} has no commit on its default branch",
                    hint="git push, or git symbolic-ref HEAD refs/heads/BRANCH, on the server",
                )
            self._clone.fetch_base(head)
        except GitmodelError as error:
            self._failure = error

    def _fetch_base_files(self, references: Sequence[Reference]) -> None:
        """Fetch configuration, pointers and aliases of the default branch, in at most one connection."""
        names = {CONFIG_NAME}
        for reference in references:
            stem = reference.name.rpartition("/")[2]
            names |= {stem + suffix for suffix in (POINTER_SUFFIX, DEPRECATED_SUFFIX)}
            if reference.kind == "word":
                names |= {f"{stem}.{reference.value}{ALIAS_SUFFIX}", stem + EARLY_SUFFIX}
        if self._server_omits_files(names):
            self._clone.fetch_with_files()
            self._use_base()
        if CONFIG_NAME not in self._fetch_files(self._base, names):
            raise NotSetUpError(
                f"{self._clone.url.shown} has no {CONFIG_NAME} on its default branch",
                hint="check the URL of the repository",
            )
        _ = self._project.config  # report a broken configuration before anything else

    def _fetch_files(self, commit: str, names: Collection[str]) -> list[str]:
        """Fetch the files with these names in a commit; returns their paths."""
        entries = self._entries(commit, names)
        here = self._project.reader.blobs([entry.oid for entry in entries])
        for path, oid in entries:
            if oid not in here:
                where = f"{quote_text(path)} of {self._clone.url.shown}"
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

    def _server_omits_files(self, names: Collection[str]) -> bool:
        """Whether the server omitted files and refuses to send them on request."""
        if self._offline or self._failure is not None or self._clone.has_files:
            return False
        oids = [entry.oid for entry in self._entries(self._base, names)]
        return bool(oids and not self._project.reader.blobs(oids) and not self._clone.has_any(oids))

    def _use_base(self) -> None:
        self._project.forget(self._clone.repository)
        base = self._project.reader.resolve(BASE)
        if base is None:
            raise self._failure or UnknownReferenceError(
                f"{self._clone.url.shown} is not in the cache", hint="leave out --offline"
            )
        self._base = base
        self._project.tips = [base]

    def _find(self, reference: Reference) -> Located:
        try:
            if reference.kind == "run":  # a wider history may have a second version of the run
                for _ in self._wider_history():
                    pass
                made = resolve(self._project, reference)
                return Located(made, self._introduced(made))
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
            self._fetch_files(commit, [reference.name.rpartition("/")[2] + POINTER_SUFFIX])
        return resolve(self._project, reference._replace(kind="git", value=commit))

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
        """Extend the project's tips in steps, from cheap to expensive, until the caller stops."""
        yield  # the default branch, as far as it is cached
        if self._can_fetch and self._clone.is_shallow():
            self._clone.fetch_history()
            self._project.forget(self._clone.repository)
            yield  # its whole history
        cached = {*self._clone.tips()}
        if cached - {self._base}:
            self._use_tips()
            yield  # other branches and tags that are cached
        if self._can_fetch:
            self._fetch_all()
            if cached != {*self._clone.tips()}:
                self._use_tips()
                yield  # all branches and tags of the server

    @property
    def _can_fetch(self) -> bool:
        return not self._offline and self._failure is None

    def _use_tips(self) -> None:
        self._project.tips = [self._base, *self._clone.tips()]

    def _introduced(self, model: Model) -> str:
        """The oldest known commit that contains a version's pointer."""
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
                f"{self._clone.url.shown} has no {what} {revision!r}",
                hint="HEAD",  # replaced in `_explained`
                model=reference.name,
            )
        return Located(self._model_at(reference, commit), commit)

    def _commit(self, revision: str) -> str | None:
        """The commit of a branch, tag or commit id, with an optional ~N or ^N suffix."""
        match = _REVISION.fullmatch(revision)
        if match is None:
            return None
        base, steps = match[1], match[2]
        if base in ("HEAD", "@"):
            if steps:
                self._deepen("HEAD")
            return self._project.reader.resolve(f"{self._base}{steps}")
        for name in () if is_oid(base) else ref_names(base):
            oid = self._remote_refs.get(name) if not self._offline else self._clone.oid_of(name)
            if oid is None:
                continue
            if not self._offline:
                self._clone.fetch_ref(name, oid)
                self._project.forget(self._clone.repository)
            if steps:
                self._deepen(name)
            return self._project.reader.resolve(f"{oid}{steps}")
        return self._by_id(base, steps)

    def _deepen(self, name: str) -> None:
        if not self._offline and self._clone.is_shallow():
            self._clone.fetch_history(name)
            self._project.forget(self._clone.repository)

    def _by_id(self, oid: str, steps: str) -> str | None:
        """The commit of a full or abbreviated id, followed by `~N` or `^N` steps."""
        if is_oid(oid):
            found = self._by_full_id(oid, steps)
        elif _SHORT_COMMIT.fullmatch(oid):
            found = self._by_short_id(oid, steps)
        else:
            found = None
        return None if found is None else self._project.reader.resolve(f"{found}{steps}")

    def _by_full_id(self, oid: str, steps: str) -> str | None:
        """The id, with its history fetched if steps follow; None if the commit cannot be fetched."""
        if not self._clone.has_commit(oid):
            if not self._can_fetch:
                return None
            self._fetch_commit(oid)
        if steps and self._can_fetch and self._clone.is_shallow():
            self._fetch_all()
        return oid

    def _by_short_id(self, prefix: str, steps: str) -> str | None:
        """The full id of a commit that a branch or tag reaches, None if there is no such commit."""
        found = self._project.reader.resolve(prefix)
        if self._can_fetch and (found is None or not found.startswith(prefix) or steps):
            self._fetch_all()
            found = self._project.reader.resolve(prefix)
        return found if found is not None and found.startswith(prefix) else None

    def _fetch_commit(self, oid: str) -> None:
        try:
            self._clone.fetch_commit(oid)
        except GitmodelError:  # the server sends only the tips of refs
            self._clone.fetch_all()
        self._project.forget(self._clone.repository)

    def _fetch_all(self) -> None:
        self._clone.fetch_all()
        self._project.forget(self._clone.repository)

    def _explained(self, error: UnknownReferenceError) -> UnknownReferenceError:
        """The error with a hint that works without a clone."""
        hint = error.hint or ""
        message = error.message.removesuffix(f" at {self._base}")
        if hint.startswith(("gitmodel ", "git fetch", "git log", "HEAD")):
            names = [model.name for model in models_at(self._project, self._base)]
            if self._offline:
                hint = "leave out --offline"
            elif error.model in names or not names:
                hint = f"git clone {shlex.quote(self._clone.url.shown)}, and in it gitmodel log"
            else:
                hint = f"there are {', '.join(sorted(names)[:_NAMED_MODELS])}"
        return UnknownReferenceError(message, hint=hint, model=error.model)
