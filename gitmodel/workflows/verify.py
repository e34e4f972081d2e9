"""`gitmodel verify`: check that cache and remote have the weights of the pointers.

Neither is changed, but the ledger of this clone is corrected: versions found missing or damaged count as unpublished.
`verify_refs` is the check for CI, because users can skip hooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import ALIAS_SUFFIX, Pointer
from gitmodel.errors import (
    GitmodelError,
    MixedPointerError,
    ModelNameError,
    ObjectMissingError,
    RemoteError,
    StoreError,
    VersionTakenError,
)
from gitmodel.project.fetching.session import chosen_models
from gitmodel.project.history.revision_ranges import pointers_of, reused_numbers
from gitmodel.project.models import Model, Models, read_models
from gitmodel.project.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.history.revision_ranges import Ranges
    from gitmodel.project.project import Project
    from gitmodel.store.objects import ObjectStore


@dataclass(slots=True)
class VerifyReport:
    """The result of a check."""

    checked: int = 0  # versions
    aliases: int = 0
    packs: int = 0  # on a remote
    bytes_read: int = 0  # 0 for packs of which only the sizes were compared
    problems: list[GitmodelError] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no errors were found."""
        return not self.problems


def verify_cache(project: Project) -> VerifyReport:
    """Decode and hash the weights of every pointer of the work tree that the cache should hold.

    Weights that are not in the cache are no problem of the cache. What is damaged is put out of the way, so
    that it can be fetched or stored again.
    """
    report = VerifyReport()
    models = read_models(project)
    report.problems += [error for _, error in models.broken]
    for model in models.models:
        manifest = project.cache.manifest(model.pointer.digest)
        if manifest is None or project.cache.missing_packs(manifest):
            continue
        report.checked += 1
        problem = _damage_in_cache(project, model, manifest)
        if problem is None:
            report.bytes_read += manifest.total_size
            continue
        problem.hint = (
            f"gitmodel fetch {model.name}; or, where its weights are: "
            f"gitmodel add {project.typed(model.weights)}"
        )
        report.problems.append(problem.about(model.name))
    return report


def _damage_in_cache(project: Project, model: Model, manifest: Manifest) -> GitmodelError | None:
    """Decode a version from the cache; damaged packs are set aside."""
    from gitmodel.cache.reader import DamagedPackError, Reader, WrongChunksError

    reader = Reader(project.cache)
    progress = project.context.progress
    progress.start(f"checking {model.name}", manifest.total_size)
    try:
        for entry in manifest.files:
            reader.check_file(manifest, entry, progress=progress)
    except DamagedPackError as error:
        for pack in manifest.sized_packs:
            if not project.cache.has_sound_pack(*pack):
                project.cache.set_aside(pack[0])
        return error
    except WrongChunksError as error:
        project.cache.set_manifest_aside(manifest)
        return error
    except GitmodelError as error:
        return error
    finally:
        progress.finish()
    return None


def verify_remote(
    project: Project,
    references: Sequence[str] = (),
    *,
    remote: str = PRIMARY,
    full: bool = False,
) -> VerifyReport:
    """Check that versions are on a remote: manifest sound, every pack there with its size.

    Without references, every pointer of the work tree is checked. With `full`, every pack is read and every
    version decoded. Raises RemoteError if the remote cannot be used.
    """
    report = VerifyReport()
    models = chosen_models(project, references)
    aliases = _of_references(project, references) if references else _of_tree(project, report)
    served = _served(project, models, aliases, report, remote=remote)
    _check(project, [*models, *served], report, remote=remote, full=full)
    report.checked = len(models)
    return report


def _of_references(project: Project, references: Sequence[str]) -> list[tuple[str, Alias]]:
    """The aliases among references, with the paths of their files."""
    from gitmodel.domain.reference import Reference
    from gitmodel.project.references import file_of_alias

    files = [file_of_alias(project, Reference.parse(text)) for text in references]
    return [(file.path, file.alias) for file in files if file is not None]


def _of_tree(project: Project, report: VerifyReport) -> list[tuple[str, Alias]]:
    """The aliases of the work tree, or of HEAD in a bare repository; reports the broken files."""
    from gitmodel.domain.pointer import alias_path_for
    from gitmodel.project.version_marks import current_marks

    marks = current_marks(project)
    report.problems += [error for _, error in marks.broken]
    return [
        (alias_path_for(beside, alias.alias), alias)
        for beside, aliases in marks.aliases.items()
        for alias in aliases
    ]


def _served(
    project: Project,
    models: Sequence[Model],
    aliases: Sequence[tuple[str, Alias]],
    report: VerifyReport,
    *,
    remote: str,
) -> list[Model]:
    """Check aliases; returns the versions that they mean besides these models. Only the primary has claims."""
    if not aliases:
        return []
    from gitmodel.project.publishing.alias_proof import AliasProof
    from gitmodel.project.references import version_of_alias

    proof = AliasProof(project)
    proof.look_up({alias.name for _, alias in aliases})
    known = {model.pointer.digest for model in models}
    found: dict[Digest, Model] = {}
    for path, alias in aliases:
        report.aliases += 1
        try:
            proof.check(alias, path)
            if remote == PRIMARY:
                proof.refuse_other_owner(alias)
            if alias.digest not in known:
                found[alias.digest] = version_of_alias(project, alias)
        except RemoteError:
            raise
        except GitmodelError as error:
            report.problems.append(error)
    return list(found.values())


def _check(
    project: Project, models: Sequence[Model], report: VerifyReport, *, remote: str, full: bool
) -> None:
    """Check the weights of models on a remote."""
    from gitmodel.project.publishing.remote_check import RemoteCheck

    proof = RemoteCheck(project, remote=remote, full=full)
    proof.check(models)
    report.checked += len(models)
    report.packs += proof.packs
    report.bytes_read += proof.bytes_read
    report.problems += proof.problems


def verify_refs(
    project: Project, ranges: Sequence[str], *, remote: str = PRIMARY, full: bool = False
) -> VerifyReport:
    """Check every pointer at the tips and in the commits of revision ranges, for CI.

    Refused are pointers that do not parse or mix two sides, weights that the remote does not have, a number
    that belongs to other content or names two in these commits, and two pointers of one name.

    Ranges are `origin/main..HEAD`, `HEAD`, a tag, as git rev-list(1) reads them; the work tree is not
    looked at. With `full`, every pack is read and every version decoded. Raises UnknownReferenceError if
    Git knows no such revision, RemoteError if the remote cannot be used.
    """
    report = VerifyReport()
    found = pointers_of(project, ranges)
    parsed = _parsed(project, found, report)
    for tree in found.trees:
        _refuse_double_names(tree, parsed, report)
    pointers = [(model.pointer, found.pointers[blob]) for blob, model in parsed.items()]
    report.problems += reused_numbers(project, found, pointers)
    distinct = {(model.pointer.digest, model.pointer.size): model for model in parsed.values()}
    for model in _named_by_aliases(project, found, report, remote=remote):
        distinct.setdefault((model.pointer.digest, model.pointer.size), model)
    _check(project, list(distinct.values()), report, remote=remote, full=full)
    report.checked = len(parsed)
    tips = [model for blob, model in parsed.items() if found.pointers[blob].at_tip]
    _check_claims(project, project.store(remote), tips, report)
    return report


def _named_by_aliases(
    project: Project, found: Ranges, report: VerifyReport, *, remote: str
) -> list[Model]:
    """Check the alias files at the tips, and parse those that the ranges replaced.

    Returns the versions that sound ones mean. Only the primary has claims.
    """
    if not (found.beside or found.beside_below):
        return []
    from gitmodel.project.publishing.alias_proof import AliasProof
    from gitmodel.project.references import version_of_alias

    proof = AliasProof(project)
    tips = {file.blob for file in found.beside}
    proof.read(list(dict.fromkeys(found.beside)))  # two ranges may have one tip
    proof.parse([file for file in found.beside_below if file.blob not in tips])
    aliases = proof.aliases
    files = {(f.path, f.blob) for f in found.beside if f.path.endswith(ALIAS_SUFFIX)}
    report.aliases = len(files)
    if remote == PRIMARY:
        aliases = [alias for _, alias in proof.prove()]
    report.problems += [error for _, error in proof.problems]
    return [version_of_alias(project, alias) for alias in aliases]


def _parsed(project: Project, found: Ranges, report: VerifyReport) -> dict[str, Model]:
    """Pointers by blob; those that do not parse are problems."""
    blobs = project.reader.blobs(list(found.pointers))
    models = {}
    for blob, brought in found.pointers.items():
        where = f"{brought.path} in commit {brought.commit[:10]}"
        raw = blobs.get(blob)
        try:
            if raw is None:
                raise ObjectMissingError(
                    f"{where} is not in this clone", hint="git fetch --refetch --no-filter"
                )
            models[blob] = Model(brought.path, Pointer.from_text(raw, what=where), raw)
        except GitmodelError as error:
            if isinstance(error, MixedPointerError) and not brought.at_tip:
                error.hint = (
                    f"remove it from history before you push: git rebase -i {brought.commit[:10]}^"
                )
            report.problems.append(error)
    return models


def _refuse_double_names(
    tree: Mapping[str, str], parsed: Mapping[str, Model], report: VerifyReport
) -> None:
    """Report names that two pointer files have, also if the files are identical."""
    models = [parsed[blob]._replace(path=path) for path, blob in tree.items() if blob in parsed]
    for name in dict.fromkeys(model.name for model in models):
        try:
            Models(tuple(models)).get(name)
        except ModelNameError as error:
            report.problems.append(error)


def _check_claims(
    project: Project, store: ObjectStore, models: Sequence[Model], report: VerifyReport
) -> None:
    from gitmodel.store.claims import read_claim

    for model in models:
        pointer = model.pointer
        try:
            claim = read_claim(store, project.config.project, pointer.name, pointer.version)
        except StoreError as error:
            report.problems.append(error.about(pointer.name))
            continue
        if claim is None:
            report.problems.append(
                ObjectMissingError(
                    f"version {pointer.version} is not claimed on {store.url}: it was pushed "
                    "without the hooks",
                    hint="gitmodel push, in a clone that has the weights",
                    model=pointer.name,
                )
            )
        elif claim.digest != pointer.digest:
            report.problems.append(
                VersionTakenError(
                    f"version {pointer.version} belongs to other content: {claim}",
                    hint=f"gitmodel renumber {pointer.name} --commit",
                    model=pointer.name,
                )
            )
