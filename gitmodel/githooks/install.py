"""Put the hook scripts where Git looks for them, beside other people's hooks, and take them away.

Words: a *hook* is a file in the hooks folder that Git runs; the *earlier* hook is the one that was
there before ours: it moves to `<hook>.before-gitmodel`, and our script runs it first.

What holds: a hook that is not ours is only ever renamed, never changed, and `uninstall` renames it
back. Files appear whole or not at all. Installing twice is the same as installing once.
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

# They look up what to run by the name of their own file: moved to `<hook>.before-gitmodel`, husky's
# hook ends with 0 and the person's checks no longer run (tried with husky 9).
_KNOW_THEMSELVES_BY_NAME = ("husky", "overcommit")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallReport:
    """Hook names by what `install` did; each is in exactly one of the first four.

    Attributes:
        written: Ours from now on.
        upgraded: Was ours; text, interpreter or mode renewed.
        unchanged: Nothing to do.
        edited: Ours, but edited by a person: only the interpreter was brought up to date.
        chained: Runs an earlier hook first, moved now or at an earlier time.
    """

    written: tuple[str, ...]
    upgraded: tuple[str, ...]
    unchanged: tuple[str, ...]
    edited: tuple[str, ...]
    chained: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallReport:
    """Hook names by what `uninstall` did.

    Attributes:
        removed: Our script is gone.
        restored: The earlier hook is back in its place; these are in `removed` too.
        left: Not touched: our script was edited by a person, or another tool has put its own hook
            in front of an earlier one.
    """

    removed: tuple[str, ...]
    restored: tuple[str, ...]
    left: tuple[str, ...]


def install(folder: str, *, interpreter: str, work_tree: str | None = None) -> InstallReport:
    """Write all scripts into a hooks folder and chain the hooks that are there; idempotent.

    Args:
        folder: Absolute path from `git rev-parse --git-path hooks`; created if missing.
        interpreter: Absolute path of the Python that the scripts start.
        work_tree: To see which hooks of other tools are told to run gitmodel; these stay.

    Raises:
        RepositoryError: The folder cannot be written; or a hook cannot be moved aside, since
            another `<hook>.before-gitmodel` is there or it would stop working under another name:
            no hook was changed then.
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
    """Remove our scripts and put back the hooks that `install` moved; idempotent.

    Args:
        folder: Absolute path from `git rev-parse --git-path hooks`.

    Raises:
        RepositoryError: The folder cannot be written.
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
    if not os.path.lexists(earlier) or _stands_already(earlier, texts[place]):
        os.unlink(ours[0])
        return "left" if os.path.lexists(earlier) else "removed"
    os.replace(earlier, ours[0])
    return "restored"


def _stands_already(earlier: str, hook: bytes) -> bool:
    """After ours had moved it, `pre-commit install` put its hook in front of ours once more.

    Its hook refuses every commit when it finds itself behind itself.
    """
    return maker_of(hook) == "pre-commit" == maker_of(read_hook(earlier))


def _names(done: Mapping[str, str], what: str) -> tuple[str, ...]:
    return tuple(name for name, result in done.items() if result == what)


def _check_movable(hook: FoundHook) -> None:
    maker = maker_of(hook.text)
    if maker in _KNOW_THEMSELVES_BY_NAME:
        raise RepositoryError(
            f"The hook {hook.path} belongs to {maker} and stops working under another name",
            hint=f'let {maker} run this line in its {hook.name}: gitmodel hook {hook.name} "$@"',
        )
    if os.path.isdir(hook.path) and not os.path.islink(hook.path):
        raise RepositoryError(f"The hook {hook.path} is a folder", hint="move the folder away")
    earlier = hook.path + EARLIER_SUFFIX
    if os.path.lexists(earlier) and not _same(hook.path, earlier):
        raise RepositoryError(
            f"The hook {hook.path} is not gitmodel's, and the place to which it would move is "
            f"taken by another one, {earlier}",
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
    """Put an executable file at path in one step; what is there moves to `earlier` just before."""
    file = PendingFile.holding(path, text)
    try:
        os.fchmod(file.descriptor, 0o755)  # Git runs only executable hooks, as any user
        os.fsync(file.descriptor)  # before the hook that is there loses its name
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
            f"Hooks cannot be written to {folder}: {error.strerror or error}",
            hint="make that folder writable, or choose another: git config core.hooksPath DIR",
        ) from error
