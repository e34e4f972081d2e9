"""Locales that are not UTF-8, as environments for a process: Python then reads file names otherwise."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_COMPILED = {
    "latin1": ("en_US", "ISO-8859-1", "LANG", "en_US"),
    "gbk": ("zh_CN", "GBK", "LC_ALL", "zh_CN.GBK"),
}
NAMES = ("ascii", *_COMPILED)


def locale_environment(name: str, folder: Path) -> dict[str, str]:
    """The environment of a process in a locale; compiled into a folder where the system lacks it.

    Args:
        name: `ascii` (C, and Python told to believe it), `latin1` (LANG=en_US) or `gbk`.
        folder: For the compiled locale.
    """
    if name == "ascii":
        return {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    source, charset, variable, value = _COMPILED[name]
    program = shutil.which("localedef")
    if program is None:
        pytest.skip("no localedef on this machine")
    target = folder / value
    if not target.exists():
        command = [program, "-i", source, "-f", charset, str(target)]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        if not target.exists():
            pytest.skip(f"localedef has no {source} in {charset}: {done.stderr[-200:]}")
    return {"LC_ALL": "", "LC_CTYPE": "", "LANG": "", "LOCPATH": str(folder), variable: value}
