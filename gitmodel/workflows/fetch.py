"""`gitmodel fetch`: weights of the versions asked for, from a remote into the cache.

The primary remote is asked first, then the mirrors. Everything that is missing is one plan, and a
pack that has arrived is never fetched again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.reference import Reference
from gitmodel.errors import DamagedObjectError, GitmodelError, ObjectMissingError, RemoteError
from gitmodel.store.handles import require_space
from gitmodel.store.transfer import Plan, fetch_packs, for_each, plan_fetch
from gitmodel.workflows.models import Model, read_models
from gitmodel.workflows.references import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest import Manifest
    from gitmodel.workflows.project import Project


@dataclass(frozen=True, slots=True)
class Placed:
    """One model's part of a report."""

    name: str
    version: int
    path: str
    size: int
    changed: bool


@dataclass(slots=True)
class CheckoutReport:
    """What was fetched and placed.

    Attributes:
        placed: Models asked for, in order; empty for `fetch`.
        fetched_packs: Packs that had to be fetched.
        fetched_bytes: Their bytes.
        errors: Models that could not be brought, with the reason; the others were.
    """

    placed: list[Placed] = field(default_factory=list)
    fetched_packs: int = 0
    fetched_bytes: int = 0
    errors: list[GitmodelError] = field(default_factory=list)


def chosen_models(project: Project, references: Sequence[str]) -> list[Model]:
    """The models that were asked for: all of the work tree, or one for each reference.

    Raises:
        GitmodelError: A pointer of the work tree is broken, or a reference means nothing.
    """
    if references:
        return [resolve(project, Reference.parse(text)) for text in references]
    models = read_models(project)
    if models.broken:
        raise models.broken[0][1]
    for name in models.names():
        models.require(name)
    return list(models.models)


def fetch(
    project: Project, references: Sequence[str] = (), *, remote: str | None = None
) -> CheckoutReport:
    """Bring the weights of versions into the cache.

    Args:
        project: The project.
        references: What; every pointer of the work tree if empty.
        remote: From which remote; the primary, then the mirrors, if not given.

    Raises:
        ObjectMissingError: A version is on no remote.
        RemoteError: No remote can be used.
    """
    report = CheckoutReport()
    models = chosen_models(project, references)
    fetch_models(project, models, report, remote)
    return report


def fetch_models(
    project: Project, models: Sequence[Model], report: CheckoutReport, remote: str | None
) -> dict[Digest, Manifest]:
    """Make sure that the cache holds these models; returns their manifests."""
    manifests: dict[Digest, Manifest] = {}
    wanted: list[Model] = []
    for model in models:
        manifest = project.cache.manifest(model.pointer.digest)
        if manifest is not None and not project.cache.missing_packs(manifest):
            manifests[model.pointer.digest] = manifest
        elif model.pointer.digest not in {other.pointer.digest for other in wanted}:
            wanted.append(model)
    for name in [remote] if remote is not None else project.remote_names():
        if wanted:
            wanted = _fetch_from(project, name, wanted, manifests, report)
    if wanted:
        raise report.errors[0]
    report.errors.clear()
    return manifests


def _fetch_from(
    project: Project,
    remote: str,
    wanted: list[Model],
    manifests: dict[Digest, Manifest],
    report: CheckoutReport,
) -> list[Model]:
    """Fetch what one remote has; returns what it does not have."""
    left: list[Model] = []
    found: list[Manifest] = []
    try:
        store = project.store(remote)

        def look(model: Model) -> None:
            manifest = store.manifest(model.pointer.digest)
            if manifest is None:
                left.append(model)
                report.errors.append(_not_there(project, model, remote))
            else:
                check_size(model, manifest)
                found.append(manifest)

        for_each(look, wanted)
        plan = plan_fetch(project.cache, found)
        run_plan(project, remote, plan)
    except (RemoteError, ObjectMissingError, DamagedObjectError) as error:
        report.errors.insert(0, error.about(wanted[0].name) if len(wanted) == 1 else error)
        return wanted
    for manifest in found:
        project.cache.write_manifest(manifest, durable=False)
        manifests[manifest.digest] = manifest
    report.fetched_packs += len(plan.packs)
    report.fetched_bytes += plan.total_bytes
    return left


def find_manifest(project: Project, model: Model, remote: str | None) -> tuple[Manifest, str]:
    """The manifest of a version, and the remote to ask for its packs.

    From the cache, else from the first remote that has it; it is kept in the cache then, so that a
    later version can be stored against this one.

    Raises:
        ObjectMissingError, DamagedObjectError, RemoteError: It is nowhere to be had.
    """
    names = [remote] if remote is not None else project.remote_names()
    cached = project.cache.manifest(model.pointer.digest)
    if cached is not None:
        return cached, names[0]
    errors: list[GitmodelError] = []
    for name in names:
        try:
            found = project.store(name).manifest(model.pointer.digest)
        except (RemoteError, DamagedObjectError) as error:
            errors.append(error)
            continue
        if found is not None:
            check_size(model, found)
            project.cache.write_manifest(found, durable=False)
            return found, name
        errors.append(_not_there(project, model, name))
    raise errors[0].about(model.name)


def check_size(model: Model, manifest: Manifest) -> None:
    """A manifest that claims another size than the pointer is not unpacked at all."""
    if model.pointer.size and manifest.total_size != model.pointer.size:
        raise DamagedObjectError(
            f"the manifest says {manifest.total_size:,} bytes, the pointer {model.pointer.size:,}",
            hint="gitmodel verify",
            model=model.name,
        )


def fetch_again(project: Project, pack: str, size: int, remote: str | None) -> None:
    """Fetch one pack that the cache had in bad shape, from the first remote that has it.

    Raises:
        ObjectMissingError, DamagedObjectError, RemoteError: None has; what the first one said.
    """
    errors: list[GitmodelError] = []
    for name in [remote] if remote is not None else project.remote_names():
        try:
            run_plan(project, name, Plan(((pack, size),)))
        except (RemoteError, ObjectMissingError, DamagedObjectError) as error:
            errors.append(error)
        else:
            return
    raise errors[0]


def run_plan(project: Project, remote: str, plan: Plan) -> None:
    """Fetch the packs of a plan from one remote into the cache."""
    if not plan.packs:
        return
    require_space(project.cache_folder, plan.total_bytes)
    progress = project.context.progress
    progress.start("fetching", plan.total_bytes)
    try:
        fetch_packs(project.store(remote), project.cache, plan, progress=progress)
    finally:
        progress.finish()


def _not_there(project: Project, model: Model, remote: str) -> ObjectMissingError:
    url = project.committed_remote(remote).url
    return ObjectMissingError(
        f"the weights of version {model.pointer.version} ({model.pointer.digest.short}) are neither "
        f"in the cache nor on {url}",
        hint="gitmodel push, in a clone that has them",
        model=model.name,
    )
