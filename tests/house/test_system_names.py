"""Every call of the system that takes the name of a file has its form for locales that are not UTF-8."""

from __future__ import annotations

import re
from pathlib import Path

from gitmodel.files.utf8_os import utf8_os

PACKAGE = Path(__file__).parents[2] / "gitmodel"
TEXT_ONLY = {"basename", "commonpath", "dirname", "isabs", "join", "normpath", "split", "splitext"}
# Calls without the name of a file; `exec*` is the program's alone, in UTF-8 mode.
NO_NAMES = re.compile(
    r"close|cpu_count|device_encoding|dup2?|execve?|fch\w+|fd\w+|fst\w+|fspath|fsync|ftruncate|get\w+"
    r"|killp?g?|lseek|memfd_create|pipe|posix_(fadvise|fallocate)|p?(read|write)v?|sched_\w+|stat_result|strerror|sysconf|umask"
    r"|uname|urandom|_exit"
)


def used(pattern: str) -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    return {name for text in texts for name in re.findall(pattern, text)}


def test_every_call_with_a_name_is_known() -> None:
    import os

    shim = utf8_os()
    calls = {name for name in used(r"\bos\.([a-z_]+)\(") if not NO_NAMES.fullmatch(name)}
    paths = used(r"\bos\.path\.([a-z_]+)\(") - TEXT_ONLY
    assert {name for name in calls if getattr(shim, name) is getattr(os, name)} == set()
    assert {name for name in paths if getattr(shim.path, name) is getattr(os.path, name)} == set()
