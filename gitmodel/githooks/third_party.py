"""Other people's hooks: whether they, or the configuration of their tool, run `gitmodel hook`.

husky, lefthook and pre-commit rewrite their hooks whenever they like, so in their repositories
gitmodel is named in the file that people commit. That file is read as text, line by line: it says
what is meant to run, and only a push shows whether it does.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Final

from gitmodel.githooks.scripts import maker_of

_FILES: Final = {
    "husky": ("package.json", ".huskyrc", ".huskyrc.json", ".huskyrc.js"),  # husky 4
    "lefthook": tuple(
        f"{dot}lefthook{kind}" for dot in ("", ".") for kind in (".yml", ".yaml", ".toml", ".json")
    ),
    "pre-commit": (".pre-commit-config.yaml",),
    "prek": (".pre-commit-config.yaml", "prek.toml"),
}

# Hooks are a few kilobytes of text; anything larger is a program, and not ours.
_LARGEST_SCRIPT = 1 << 20  # bytes


def is_told(name: str, hook: bytes, *, folder: str, work_tree: str | None) -> bool:
    """Whether a hook runs our hook of that name, or is of a tool that is told to.

    `hook` is its text. The work tree has the tool's configuration.
    """
    command = re.compile(
        rb"^[^#\n]*\bgitmodel(?: hook |-)" + re.escape(name.encode()) + rb"(?![\w-])", re.MULTILINE
    )
    maker = maker_of(hook)
    if command.search(hook):  # a person's own, in a folder of hooks that is committed
        return True
    if maker == "husky" and command.search(read_hook(os.path.join(os.path.dirname(folder), name))):
        return True
    if work_tree is None or maker is None:
        return False
    places = (os.path.join(work_tree, file) for file in _FILES.get(maker, ()))
    return any(command.search(read_hook(place)) for place in places)


def read_hook(path: str) -> bytes:
    """The hook's text; empty for whatever is not a readable file of a hook's size."""
    try:
        # Looked at before opening: to open a named pipe would wait for ever.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with open(path, "rb") as file:
            text = file.read(_LARGEST_SCRIPT + 1)
    except OSError:
        return b""
    return text if len(text) <= _LARGEST_SCRIPT else b""
