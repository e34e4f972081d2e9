"""Install the hook scripts into Git's hooks folder, beside hooks of other tools, and uninstall them.

A *hook* is a file in the hooks folder that Git runs. The *earlier* hook is the one that was installed before ours: it
is renamed to `<hook>.before-gitmodel`, our script runs it first, and `uninstall` renames it back. Hooks of other
tools are never changed. Files are written atomically. A second install changes nothing.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.errors import RepositoryError
from gitmodel.files.safe_open import PendingFile
from gitmodel.githooks.inspect import (
    EARLIER_SUFFIX,
    LEGACY_SUFFIX,
    FoundHook,
    HookState,
    Inspection,
    earlier_hooks,
    find,
    inspect,
)
from gitmodel.githooks.scripts import (
    HOOK_NAMES,
    HookText,
    maker_of,
    recognise,
    script_text,
    scripts_folder,
    with_interpreter,
)
from gitmodel.githooks.third_party import read_hook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "EARLIER_SUFFIX",
    "HOOK_NAMES",
    "HookState",
    "Inspection",
    "InstallReport",
    "UninstallReport",
    "inspect",
    "install",
    "scripts_folder",
    "uninstall",
    "write_script",
]

# Tools whose hooks depend on their own file name: renamed to `<hook>.before-gitmodel`, the hook of husky
# exits with 0 and runs no checks (tried with husky 9).
_DEPEND_ON_FILE_NAME = ("husky", "overcommit")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallReport:
    """Hook names by what `install` did; each is in exactly one of the first four."""

    written: tuple[str, ...]  # new scripts
    upgraded: tuple[str, ...]  # our scripts whose text, interpreter or mode was updated
    unchanged: tuple[str, ...]  # scripts that were up to date
    edited: tuple[str, ...]  # our scripts that a user has edited; only the interpreter was updated
    chained: tuple[str, ...]  # scripts that run an earlier hook first, renamed now or before


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallReport:
    """Hook names by what `uninstall` did.

    Hooks are `left` because a user has edited our script, or another tool has put its own hook in front
    of an earlier one.
    """

    removed: tuple[str, ...]
    restored: tuple[str, ...]  # the earlier hook was renamed back; these are in `removed` too
    left: tuple[str, ...]  # unchanged


def install(folder: str, *, interpreter: str, work_tree: str | None = None) -> InstallReport:
    """Write all scripts into a hooks folder, and chain the existing hooks; idempotent.

    The folder is the absolute path from `git rev-parse --git-path hooks`; it is created if missing. The
    scripts start the Python of the absolute path `interpreter`. Hooks of other tools that run gitmodel,
    found in the work tree, stay.

    Raises RepositoryError if the folder cannot be written, or a hook cannot be renamed, because
    `<hook>.before-gitmodel` exists or the hook depends on its file name. No hook was changed then.
    """
    texts = {name: script_text(name, interpreter=interpreter) for name in HOOK_NAMES}
    hooks = [find(folder, name, work_tree=work_tree) for name in HOOK_NAMES]
    for hook in hooks:
        if hook.state is HookState.OTHER:
            _check_movable(hook)
    done: dict[str, str] = {}
    with _explained(folder):
        os.makedirs(folder, exist_ok=True)
        for hook in hooks:
            done[hook.name] = _install_one(hook, texts[hook.name], interpreter)
    return InstallReport(
        written=_names(done, "written"),
        upgraded=_names(done, "upgraded"),
        unchanged=_names(done, "unchanged"),
        edited=_names(done, "edited"),
        chained=earlier_hooks(folder),
    )


def uninstall(folder: str) -> UninstallReport:
    """Remove our scripts from a folder as in `install`, and rename earlier hooks back; idempotent.

    Raises RepositoryError if the folder cannot be written.
    """
    with _explained(folder):
        done = {name: _uninstall_one(folder, name) for name in HOOK_NAMES}
    return UninstallReport(
        removed=tuple(name for name in done if done[name] in {"removed", "restored"}),
        restored=_names(done, "restored"),
        left=_names(done, "left"),
    )


def _install_one(hook: FoundHook, text: bytes, interpreter: str) -> str:
    if hook.state is HookState.ABSENT:
        write_script(hook.path, text)
        return "written"
    if hook.state is HookState.OTHER:
        write_script(hook.path, text, earlier=hook.path + EARLIER_SUFFIX)
        return "written"
    if hook.state is HookState.DELEGATED:
        return "unchanged"
    edited = hook.kind is HookText.EDITED
    if edited:
        text = with_interpreter(hook.text.replace(b"\r\n", b"\n"), interpreter)
    if hook.text == text and os.access(hook.path, os.X_OK):
        return "edited" if edited else "unchanged"
    write_script(hook.path, text)
    return "edited" if edited else "upgraded"


def _uninstall_one(folder: str, name: str) -> str:
    place = os.path.join(folder, name)
    texts = {path: read_hook(path) for path in (place, place + LEGACY_SUFFIX)}
    kinds = {path: recognise(name, text) for path, text in texts.items()}
    ours = [
        path for path, kind in kinds.items() if kind in {HookText.CURRENT, HookText.OTHER_VERSION}
    ]
    earlier = place + EARLIER_SUFFIX
    if not ours:
        edited = HookText.EDITED in kinds.values()
        return "left" if edited or os.path.lexists(earlier) else "absent"
    for path in ours[1:]:
        os.unlink(path)
    if not os.path.lexists(earlier) or _is_installed_twice(earlier, texts[place]):
        os.unlink(ours[0])
        return "left" if os.path.lexists(earlier) else "removed"
    os.replace(earlier, ours[0])
    return "restored"


def _is_installed_twice(earlier: str, hook: bytes) -> bool:
    """Whether the pre-commit framework owns both the hook and the earlier hook.

    `pre-commit install` ran again after our install. Its hook refuses every commit if it would run itself.
    """
    return maker_of(hook) == "pre-commit" == maker_of(read_hook(earlier))


def _names(done: Mapping[str, str], what: str) -> tuple[str, ...]:
    return tuple(name for name, result in done.items() if result == what)


def _check_movable(hook: FoundHook) -> None:
    maker = maker_of(hook.text)
    if maker in _DEPEND_ON_FILE_NAME:
        raise RepositoryError(
            f"the hook {hook.path} belongs to {maker} and stops working under another name",
            hint=f'let {maker} run this line in its {hook.name}: gitmodel hook {hook.name} "$@"',
        )
    if os.path.isdir(hook.path) and not os.path.islink(hook.path):
        raise RepositoryError(f"the hook {hook.path} is a folder", hint="move the folder away")
    earlier = hook.path + EARLIER_SUFFIX
    if os.path.lexists(earlier) and not _same(hook.path, earlier):
        raise RepositoryError(
            f"the hook {hook.path} is not gitmodel's, and cannot be renamed because {earlier} exists",
            hint=f"join the two into {earlier}, remove {hook.path}, and run: gitmodel install",
        )


def _same(path: str, other: str) -> bool:
    one, two = os.lstat(path), os.lstat(other)
    if one.st_mode != two.st_mode:
        return False
    if stat.S_ISLNK(one.st_mode):
        return os.readlink(path) == os.readlink(other)
    return stat.S_ISREG(one.st_mode) and filecmp.cmp(path, other, shallow=False)


def write_script(path: str, text: bytes, *, earlier: str | None = None) -> None:
    """Write an executable file atomically; an existing file is renamed to `earlier` just before."""
    file = PendingFile.holding(path, text)
    try:
        os.fchmod(file.descriptor, 0o755)  # Git runs only executable hooks, as any user
        os.fsync(file.descriptor)  # before the existing hook is renamed
        if earlier is not None:
            os.replace(path, earlier)
    except BaseException:
        file.discard()
        raise
    file.commit(durable=False)


@contextlib.contextmanager
def _explained(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RepositoryError(
            f"hooks cannot be written to {folder}: {error.strerror or error}",
            hint="make that folder writable, or choose another: git config core.hooksPath DIR",
        ) from error
