"""The alias files that a push sends: those that it introduces must be proven, the others are only reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.pointer import pointer_beside
from gitmodel.errors import GitmodelError
from gitmodel.project.committed_models import CommittedFile
from gitmodel.project.project import PRIMARY
from gitmodel.project.publishing.alias_proof import AliasProof

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gitmodel.git.history.walk import Change
    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import TipFiles


class PushedAliases:
    """The alias files at the tips of a push that the ledger does not know, by path and blob."""

    def __init__(
        self, project: Project, files: TipFiles, unknown: Collection[tuple[str, str]]
    ) -> None:
        self._project = project
        self._proof = AliasProof(project)
        self._files = {key: files.orphans.get(key, files.beside[key]) for key in sorted(unknown)}

    def read(self, changes: Sequence[Change]) -> None:
        """Parse the files before anything is uploaded. No network.

        `changes` are those of the pushed commits to pointers and the files beside them. Raises the first error
        of a file that the push introduces.
        """
        new = {change.oid for change in changes}
        removed = {change.path for change in changes if change.oid is None}
        self._proof.read(
            [
                CommittedFile(
                    path, blob, commit, required=blob in new or pointer_beside(path) in removed
                )
                for (path, blob), commit in self._files.items()
            ]
        )
        self._report()

    def prove(self, published: Collection[str]) -> None:
        """Look for weights and claims on the primary; `published` are digests that were just seen there.

        Raises the first error of a file that the push introduces, and errors of the primary if there is such a
        file.
        """
        project = self._project
        done = [(file.path, file.blob) for file in self._proof.parsed_only]
        project.ledger(PRIMARY).confirm_files(done)
        try:
            proven = self._proof.prove(published)
        except GitmodelError as error:
            if self._proof.has_required:
                if error.hint is None:
                    error.hint = "git push, when it can be reached again"
                elif "git push" not in error.hint:
                    error.hint += "; then git push"
                raise
            project.context.note(
                f"aliases were not checked on the remote: {error.message}; this push does not change "
                "them and continues"
            )
            return
        project.ledger(PRIMARY).confirm_files((file.path, file.blob) for file, _ in proven)
        self._report()

    def _report(self) -> None:
        problems, self._proof.problems = self._proof.problems, []
        for file, error in problems:
            if file.required:
                raise error
        for _, error in problems:
            way = "" if error.hint is None else f"; to repair it: {error.hint}"
            self._project.context.note(f"{error}; this push does not change it and continues{way}")
