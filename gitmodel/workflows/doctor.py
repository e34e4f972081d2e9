"""`gitmodel doctor`: test that everything that a clone needs works.

Git runs each hook, and the remote is read. Nothing is changed, except that a probe object is created on a trusted remote
and deleted again.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError
from gitmodel.project.models import read_models
from gitmodel.project.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.project.project import Project

_LIBRARIES = ("pygit2", "fsspec", "s3fs", "adlfs", "yaml", "blake3", "zstandard", "pyfastcdc")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    title: str  # what
    ok: bool  # whether it is as it should be
    detail: str  # what was found
    hint: str | None = None  # the command to run if it is not


def doctor(
    project: Project,
    *,
    hooks: Mapping[str, str],
    monitor: Finding | None = None,
    old_driver: bool = False,
    network: bool = True,
) -> list[Finding]:
    """Look at program versions, configuration, hooks, cache, pointers and remotes (with `network`).

    `hooks` has the state of each hook: "ours" or "edited" where Git has just run it, "run by ..." where
    another tool is told to; else what is wrong with it. It is from `githooks.proof` and
    `githooks.inspection`, `monitor` (the switch `--fsmonitor`) from `githooks.fsmonitor_check`. An
    `old_driver` is a merge driver as an earlier gitmodel wrote it.
    """
    set_up = _set_up(project)
    findings = [_programs(project), _chunker(), _kernels(), *set_up]
    if not all(finding.ok for finding in set_up):
        return findings
    findings += [
        _hooks(project, hooks),
        _attributes(project),
        _merge_driver(project, old=old_driver),
    ]
    findings += [monitor] if monitor is not None else []
    findings += [_cache(project), _pointers(project)]
    for name in project.remote_names():
        findings.append(_trust(project, name))
        findings += _permissions(project, name)
        if network:
            findings.append(_remote(project, name))
    return findings


def _programs(project: Project) -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    from gitmodel.version import __version__

    parts = [f"gitmodel {__version__}", f"Python {sys.version.split()[0]}"]
    parts.append(project.repository.run("version").decode().strip())
    for name in _LIBRARIES:
        try:
            parts.append(f"{name} {version('pyyaml' if name == 'yaml' else name)}")
        except PackageNotFoundError:
            parts.append(f"{name} missing")
    missing = [part for part in parts if part.endswith(" missing")]
    return Finding(
        "programs", not missing, ", ".join(parts), "pip install gitmodel" if missing else None
    )


def _chunker() -> Finding:
    """Without its compiled part, chunking by content is 200 times slower."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import pyfastcdc  # noqa: F401  (imported to see whether it warns)
    slow = any("pyfastcdc" in str(item.message).lower() for item in caught)
    return Finding(
        "cutting",
        not slow,
        "pyfastcdc runs without its compiled part" if slow else "compiled",
        "pip install --force-reinstall pyfastcdc" if slow else None,
    )


def _kernels() -> Finding:
    """Without its compiled part gitmodel works, with numpy."""
    from gitmodel.encoding.codecs.kernels import COMPILED

    by_numpy = "by numpy, which is slower: there was no C compiler when gitmodel was installed"
    return Finding("planes and deltas", ok=True, detail="compiled" if COMPILED else by_numpy)


def _set_up(project: Project) -> list[Finding]:
    try:
        project.require_set_up()
        _ = project.settings
        _ = project.root
    except GitmodelError as error:
        return [Finding("set-up", False, error.message, error.hint)]
    return [Finding("set-up", True, f"project {project.config.project}")]


def _hooks(project: Project, hooks: Mapping[str, str]) -> Finding:
    told = [f"{name} is {state}" for name, state in hooks.items() if state.startswith("run by ")]
    ours = [name for name, state in hooks.items() if state in ("ours", "edited")]
    edited = [name for name, state in hooks.items() if state == "edited"]
    wrong = [
        f"{name} is {state}"
        for name, state in hooks.items()
        if state not in ("ours", "edited") and not state.startswith("run by ")
    ]
    folder = project.repository.hooks_folder()
    if wrong:
        return Finding("hooks", False, f"{', '.join(wrong)} in {folder}", "gitmodel install")
    words = [f"{len(ours)} in {folder}, and Git runs them"] if ours else []
    words += [f"{', '.join(told)}, which was not tried"] if told else []
    words += [f"{', '.join(edited)} was edited and is not renewed"] if edited else []
    return Finding("hooks", True, "; ".join(words))


def _attributes(project: Project) -> Finding:
    from gitmodel.project.git_files.gitattributes import attributes_state

    found = attributes_state(project)
    if found.missing:
        detail = f".gitattributes has no line for {', '.join(found.missing)}"
        return Finding("attributes", False, detail, "gitmodel install")
    own = f"; your own lines for {', '.join(found.edited)} stay" if found.edited else ""
    return Finding("attributes", True, f"pointers have their merge attribute{own}")


def _merge_driver(project: Project, *, old: bool) -> Finding:
    """Let the command of the driver merge two versions, as Git would."""
    from gitmodel.workflows.merge_driver import driver_problem

    if old:
        return Finding("merge driver", False, "it is of another gitmodel", "gitmodel install")
    problem = driver_problem(project)
    if problem is not None:
        return Finding("merge driver", False, problem, "gitmodel install")
    return Finding("merge driver", True, "it is set, and two versions were a conflict for it")


def _cache(project: Project) -> Finding:
    from gitmodel.files.os_errors import nearest, owner_of

    folder = project.cache_folder
    place = nearest(folder)
    if not os.access(place, os.W_OK):
        detail = f"{folder} cannot be written: {place} belongs to {owner_of(place)}"
        return Finding("cache", False, detail, "git config gitmodel.cache DIR")
    shared = _shared_cache(project)
    if shared is not None:
        return shared
    project.cache.sweep_temporary()
    free = shutil.disk_usage(place).free
    return Finding("cache", True, f"{folder}, {free / 1e9:.1f} GB free")


def _shared_cache(project: Project) -> Finding | None:
    """What is wrong with a cache, or a clone, that several people share."""
    from gitmodel.backends.folder_permissions import find_problem
    from gitmodel.files.shared_folders import is_shared

    problem = find_problem(project.cache_folder) if is_shared(project.cache_folder) else None
    if problem is not None:
        return Finding("cache", False, problem.detail, problem.hint)
    umask = os.umask(0o077)
    os.umask(umask)
    hidden = umask & (project.settings.shared or 0) & 0o044
    if hidden and project.repository.work_tree is not None:
        detail = (
            f"core.sharedRepository is set, and your umask {umask:03o} closes the work tree's files"
        )
        return Finding("cache", False, detail, f"umask {umask & ~0o075:03o}")
    return None


def _pointers(project: Project) -> Finding:
    models = read_models(project)
    if models.broken:
        path, error = models.broken[0]
        told = error.message.startswith(path)
        detail = error.message if told else f"{path}: {error.message}"
        return Finding("pointers", False, detail, error.hint)
    try:
        for name in models.names():
            models.require(name)
    except GitmodelError as error:
        return Finding("pointers", False, error.message, error.hint)
    return Finding("pointers", True, f"{len(models.models)} read")


def _trust(project: Project, name: str) -> Finding:
    trusted = project.is_trusted(name, upload=True)
    what = project.committed_remote(name).fingerprint
    return Finding(
        f"trust of {name}",
        trusted,
        f"this clone may upload to {what}" if trusted else f"nothing is uploaded to {what}",
        None if trusted else f"gitmodel remote trust {'' if name == PRIMARY else name}".rstrip(),
    )


def _permissions(project: Project, name: str) -> list[Finding]:
    """Whether all users who share a remote folder can use the files in it."""
    from gitmodel.backends.folder_permissions import find_problem

    address = project.address(name)
    if address.scheme != "file":
        return []
    problem = find_problem(project.folder_of(address))
    title = f"permissions of {name}"
    if problem is not None:
        return [Finding(title, False, problem.detail, problem.hint)]
    return [Finding(title, True, "all users of the folder can use its files")]


def _checks(compared: Mapping[str, bool]) -> str:
    """The checksums that the server verifies for uploads; empty for a folder."""
    if not compared:
        return ""
    kinds = [kind.upper() for kind, yes in compared.items() if yes]
    others = [kind.upper() for kind, yes in compared.items() if not yes]
    words = f", compares {' and '.join(kinds)} of uploads" if kinds else ""
    return words + (f", does not compare {' and '.join(others)}" if others else "")


def _remote(project: Project, name: str) -> Finding:
    from gitmodel.store.objects import check_exclusive_creation

    title = f"remote {name}"
    try:
        store = project.store(name)
        marker = store.marker()
        if marker is None and project.uses_default_folder() and name == PRIMARY:
            return Finding(title, True, f"{store.url}, made by the first push")
        if project.is_trusted(name, upload=True):
            check_exclusive_creation(store, project.context.random(16))
            detail = f"{store.url} can be read and written, creates exclusively"
            return Finding(title, True, detail + _checks(store.backend.prove_checks()))
    except GitmodelError as error:
        return Finding(title, False, error.message, error.hint)
    return Finding(title, True, f"{store.url} can be read")
