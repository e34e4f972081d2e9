"""Symbolic links in place of weights, which `add --follow` follows.

`add --follow` records every link on the path and its target. Later commands follow a link only while it has
the recorded target.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_DEPTH = 64  # folders in folders


def links_at(root: str, parts: tuple[str, ...]) -> dict[str, str]:
    """Return the links among the parts of a path and below it: path from the root -> resolved target."""
    found: dict[str, str] = {}
    for depth in range(1, len(parts) + 1):
        _note(root, "/".join(parts[:depth]), found)
    _collect(root, "/".join(parts), found, ())
    return found


def _note(root: str, path: str, found: dict[str, str]) -> None:
    full = os.path.join(root, path)
    if os.path.islink(full):
        found[path] = os.path.realpath(full)


def _collect(root: str, path: str, found: dict[str, str], above: tuple[str, ...]) -> None:
    full = os.path.join(root, path)
    here = os.path.realpath(full)
    if here in above or len(above) > _MAX_DEPTH or not os.path.isdir(full):
        return
    with os.scandir(full) as entries:
        inner = sorted(entries, key=lambda entry: entry.name)
    for entry in inner:
        if not entry.name.startswith(".git"):
            _note(root, f"{path}/{entry.name}", found)
            if entry.is_dir():
                _collect(root, f"{path}/{entry.name}", found, (*above, here))


def still_lead(root: str, parts: tuple[str, ...], links: Mapping[str, str]) -> bool:
    """Whether a path has exactly these links, each with its recorded target."""
    with suppress(OSError):
        return bool(links) and links_at(root, parts) == dict(links)
    return False


def led_elsewhere(root: str, parts: tuple[str, ...], links: Mapping[str, str]) -> str | None:
    """A message about a recorded link with another target now, None if there is none."""
    now = links_at(root, parts) if links else {}
    for link, target in links.items():
        if link in now and now[link] != target:
            return f"{link} leads to {now[link]} now, and {target} was followed here"
    return None


@contextmanager
def put_away(root: str, path: str, links: Mapping[str, str]) -> Iterator[None]:
    """Remove the links at a path and below it, not their targets; restore them after an error."""
    inside = [link for link in links if link == path or link.startswith(f"{path}/")]
    # A link behind another one is a part of that one's target.
    own = [link for link in inside if not any(link.startswith(f"{other}/") for other in inside)]
    removed: dict[str, str] = {}
    try:
        for link in own:
            full = os.path.join(root, link)
            if os.path.islink(full):
                removed[full] = os.readlink(full)
                os.unlink(full)
        yield
    except BaseException:
        for full, target in removed.items():
            with suppress(OSError):
                os.symlink(target, full)
        raise
