"""The two ends of a copy: a remote of this project, or an address given by the user.

An address given on the command line is trusted for this call. An address from the history of
`.gitmodel.yaml` must be trusted like the current one.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.config.repository import Config, Remote, effective_remote, needs_trust
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import GitmodelError, UntrustedRemoteError, UsageError
from gitmodel.project.named_remote import remote_from
from gitmodel.project.project import CONFIG_NAME, PRIMARY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.project.project import Project
    from gitmodel.store.objects import ObjectStore

_WITH_OPTIONS = lazy_compile(r"(\S+://\S+)((?: +[a-z_]+=\S+)+)")


@dataclass(frozen=True, slots=True)
class RemoteEnd:
    """One end of a copy."""

    name: str | None  # None for an address outside this project
    remote: Remote  # without the settings of this clone
    chosen: bool = False  # whether the user gave the address for this call

    @property
    def shown(self) -> str:
        """Name and address for messages."""
        return self.remote.url if self.name is None else f"{self.name} ({self.remote.url})"


def both_ends(
    project: Project, source: str | None, target: str | None
) -> tuple[RemoteEnd, RemoteEnd]:
    """The source and target of a copy, each the name of a remote or an address as typed; None is the default.

    The default is a copy from the previous primary remote, found in Git's history, to the primary remote.
    For another target the default source is the primary remote. For the primary remote as source the
    default target is the only mirror. Raises UsageError if an end must be named, or both ends are the
    same remote, ConfigError if an address is not valid.
    """
    to = None if target is None else find_end(project, target)
    if source is not None:
        start = find_end(project, source)
    elif to is not None and to.name != PRIMARY:
        start = find_end(project, PRIMARY)
    else:
        start = _earlier_primary(project)
    if to is None:
        to = find_end(project, PRIMARY if start.name != PRIMARY else _only_mirror(project))
    if _place(project, start) == _place(project, to):
        raise UsageError(
            f"source and target of the copy are both {to.remote.fingerprint}",
            hint="gitmodel remote list",
        )
    return start, to


def find_end(project: Project, word: str) -> RemoteEnd:
    """The remote of that name, or the given address.

    An address may be followed by options (`endpoint=URL`, `account=NAME`), as `remote list` shows it.
    Raises ConfigError if it is not valid, UsageError if the text is neither a name nor an address.
    """
    if word in project.remote_names():
        return RemoteEnd(word, project.committed_remote(word))
    if re.fullmatch(r"[a-z][a-z0-9-]*", word) and not os.path.isdir(
        os.path.join(project.context.folder, word)
    ):
        raise UsageError(f"no remote is called {word!r}", hint="gitmodel remote list")
    found = _WITH_OPTIONS.fullmatch(word)
    options = dict(part.split("=", 1) for part in found[2].split()) if found else {}
    given: dict[str, str | bool] = {
        key: value == "true" if key == "anonymous" else value for key, value in options.items()
    }
    remote = remote_from(project, found[1] if found else word, given)
    if remote is None:
        raise UsageError("a remote needs a URL", hint="gitmodel remote list")
    if not options:
        for name in project.remote_names():
            known = project.committed_remote(name)
            if _address(project, known) == _address(project, remote):
                return RemoteEnd(name, known, chosen=known.fingerprint == known.url)
        earlier = (old for old in earlier_primaries(project) if old.url == remote.url)
        remote = next(earlier, remote)
    return RemoteEnd(None, remote, chosen=bool(options) or remote.fingerprint == remote.url)


def earlier_primaries(project: Project) -> Iterator[Remote]:
    """The primary remotes that `.gitmodel.yaml` has named in history, newest first."""
    head = project.reader.resolve("HEAD")
    changes = () if head is None else project.history.changes((head,), paths=(CONFIG_NAME,))
    oids = [change.oid for change in changes if change.oid is not None]
    blobs = project.reader.blobs(oids)
    for oid in oids:
        try:
            config = Config.from_text(blobs.get(oid, b""))
        except GitmodelError:
            continue
        if config.project_id == project.config.project_id:
            default = Remote(url=project.default_folder(), scheme="file")
            yield config.remote or default


def copy_hint(project: Project) -> str:
    """A hint to copy from the previous primary remote, "" if there is none."""
    if project.repository.work_tree is None:
        return ""
    with suppress(GitmodelError):
        start = _earlier_primary(project)
        return f"gitmodel remote copy, which copies from {start.remote.url}; or "
    return ""


def open_end(project: Project, end: RemoteEnd, *, upload: bool, create: bool) -> ObjectStore:
    """Open the store at one end; `upload` means that the caller will write to it.

    `create` makes the folder of a given address. Raises UntrustedRemoteError.
    """
    if end.name is not None:
        return project.store(end.name, upload=upload, chosen_now=end.chosen)
    settings = project.settings
    if not end.chosen and needs_trust(end.remote, settings, upload=upload):
        raise UntrustedRemoteError(
            f"{end.remote.fingerprint} is not trusted in this clone, so nothing was copied",
            hint=f"name it with its endpoint: --from {_quoted(end.remote.fingerprint)}",
        )
    address = effective_remote(end.remote, settings)
    if end.remote.endpoint is not None and end.chosen:  # the user has just named this endpoint
        address = replace(address, endpoint=end.remote.endpoint)
    return project.open_store(address, trusted=True, create_root=create)


def _earlier_primary(project: Project) -> RemoteEnd:
    present = project.committed_remote()
    for remote in earlier_primaries(project):
        if remote != present:
            return RemoteEnd(None, remote)
    raise UsageError(
        "the history of this branch has no earlier primary remote to copy from",
        hint="name it: gitmodel remote copy --from NAME|URL",
    )


def _only_mirror(project: Project) -> str:
    mirrors = [name for name in project.remote_names() if name != PRIMARY]
    if len(mirrors) == 1:
        return mirrors[0]
    raise UsageError(
        "there is no single mirror to copy to", hint="name it: gitmodel remote copy --to NAME|URL"
    )


def _place(project: Project, end: RemoteEnd) -> str:
    """The address that identifies a remote."""
    if end.remote.scheme == "file":
        return _address(project, end.remote)
    return end.remote.fingerprint


def _address(project: Project, remote: Remote) -> str:
    """The URL, or the real path of a folder, because a folder can have several paths."""
    if remote.scheme != "file":
        return remote.url
    from gitmodel.backends.open import folder_of

    return os.path.realpath(folder_of(remote, root=project.remote_root))


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
