"""Whatever hooks are there: install, upgrade and uninstall leave them byte for byte, and they run.

Texts of real tools, and texts that hypothesis makes up: CRLF, no final newline, binary, links, not
executable, other interpreters.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitmodel.errors import RepositoryError
from gitmodel.githooks.inspect import EARLIER_SUFFIX, HookState, inspect
from gitmodel.githooks.install import HOOK_NAMES, install, uninstall
from gitmodel.githooks.scripts import HookText, maker_of, recognise
from tests.support.neighbours import LEFTHOOK, PRE_COMMIT, lfs_hook

PYTHON = sys.executable

TEXTS = [
    b"",
    b"\n",
    b"#!/bin/sh\necho no final newline",
    b"#!/bin/sh\r\necho crlf\r\n",
    b"#!/usr/bin/env python3\nprint('other interpreter')\n",
    b"#!/usr/bin/perl -w\nprint 1;\n",
    b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 8,
    b"#!/bin/sh\n# gitmodel-hook: 1 is only mentioned\n",
    b"#!/bin/sh\ngitmodel_python='/not/ours'\n",
    b"\xef\xbb\xbf#!/bin/sh\necho bom\n",
    PRE_COMMIT,
    LEFTHOOK,
    lfs_hook("pre-push"),
]


class Hook(NamedTuple):
    """A hook of somebody else's: its bytes, its mode, and whether the hook is a link to them."""

    text: bytes
    mode: int
    linked: bool


def may_move(text: bytes) -> bool:
    """Whether a hook works under another name; the others are refused (test_install.py)."""
    return maker_of(text) not in {"husky", "overcommit"}


hooks = st.builds(
    Hook,
    text=st.one_of(st.sampled_from(TEXTS), st.binary(max_size=300).filter(may_move)),
    mode=st.sampled_from([0o755, 0o644, 0o700, 0o555, 0o775]),
    linked=st.booleans(),
)


def foreign(name: str, hook: Hook) -> bool:
    return recognise(name, hook.text) is HookText.FOREIGN


def put(folder: Path, name: str, hook: Hook) -> None:
    target = folder / name
    if hook.linked:
        (folder.parent / "theirs").mkdir(exist_ok=True)
        target = folder.parent / "theirs" / name
        (folder / name).symlink_to(target)
    target.write_bytes(hook.text)
    target.chmod(hook.mode)


def state(folder: Path, suffix: str = "") -> dict[str, tuple[int, bytes | str]]:
    """Mode and bytes of each file; of a link where it leads, and the same of that."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(folder.iterdir()):
        info = path.lstat()
        link = stat.S_ISLNK(info.st_mode)
        found[path.name] = (info.st_mode, os.readlink(path) if link else path.read_bytes())
    return {
        name.removesuffix(suffix): what for name, what in found.items() if name.endswith(suffix)
    }


@given(st.dictionaries(st.sampled_from([*HOOK_NAMES, "commit-msg", "pre-rebase"]), hooks))
@settings(max_examples=60)
@example({name: Hook(lfs_hook(name), 0o755, linked=False) for name in HOOK_NAMES})
def test_others_lines_stay_byte_for_byte(theirs: dict[str, Hook]) -> None:
    theirs = {name: hook for name, hook in theirs.items() if foreign(name, hook)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "hooks")
        folder.mkdir()
        for name, hook in theirs.items():
            put(folder, name, hook)
        before = state(folder)

        first = install(str(folder), interpreter="/old/python")
        upgraded = install(str(folder), interpreter=PYTHON)
        third = install(str(folder), interpreter=PYTHON)

        moved = state(folder, EARLIER_SUFFIX)
        assert set(first.chained) == set(theirs) & set(HOOK_NAMES) == set(moved)
        assert all(moved[name] == before[name] for name in moved)
        assert upgraded.upgraded == third.unchanged == HOOK_NAMES
        assert set(inspect(str(folder)).states.values()) == {HookState.OURS}
        report = uninstall(str(folder))
        assert set(report.restored) == set(moved)
        assert state(folder) == before
        if (folder.parent / "theirs").exists():
            linked = {name: hook.text for name, hook in theirs.items() if hook.linked}
            kept = (folder.parent / "theirs").iterdir()
            assert {path.name: path.read_bytes() for path in kept} == linked


@given(st.sampled_from(HOOK_NAMES), hooks)
@settings(max_examples=30)
def test_an_install_that_fails_changes_nothing(name: str, hook: Hook) -> None:
    """Some other `.before-gitmodel` is there already, so nobody knows which of the two counts."""
    if not foreign(name, hook):
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "hooks")
        folder.mkdir()
        put(folder, name, hook)
        (folder / f"{name}{EARLIER_SUFFIX}").write_bytes(hook.text + b"# another\n")
        before = state(folder)

        with pytest.raises(RepositoryError):
            install(str(folder), interpreter=PYTHON)

        assert state(folder) == before


RUNNERS = [
    ("sh", "#!/bin/sh\nprintf '%s ' \"$@\" > {out}; cat >> {out}"),
    ("no final newline", "#!/bin/sh\nprintf '%s ' \"$@\" > {out}; cat >> {out}; exit 0"),
    (
        "python",
        (
            "#!{python}\nimport sys\nopen('{out}', 'w').write("
            "' '.join(sys.argv[1:]) + ' ' + sys.stdin.read())\n"
        ),
    ),
    ("perl", "#!/usr/bin/perl\nopen F, '>', '{out}'; print F join(' ', @ARGV), ' ', <STDIN>;\n"),
]


@pytest.mark.parametrize(("kind", "text"), RUNNERS, ids=[kind for kind, _ in RUNNERS])
@pytest.mark.parametrize("linked", [False, True])
def test_a_hook_of_any_interpreter_gets_arguments_and_stdin(
    tmp_path: Path, kind: str, text: str, *, linked: bool
) -> None:
    if kind == "perl" and not Path("/usr/bin/perl").exists():
        pytest.skip("no perl here")
    out = tmp_path / "out"
    folder = tmp_path / "hooks"
    folder.mkdir()
    filled = text.replace("{out}", str(out)).replace("{python}", PYTHON)
    put(folder, "pre-push", Hook(filled.encode(), 0o755, linked))
    true = shutil.which("true") or "/bin/true"
    install(str(folder), interpreter=true)

    done = subprocess.run(
        [str(folder / "pre-push"), "origin", "url"],
        input=b"refs/heads/main 1 refs/heads/main 0\n",
        cwd=tmp_path,
        check=False,
        capture_output=True,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert out.read_text("utf-8").split() == [
        *("origin", "url"),
        *("refs/heads/main", "1", "refs/heads/main", "0"),
    ]
