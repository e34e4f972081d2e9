"""Small disks, read-only disks and limits of a process, as root can make them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOUNT = shutil.which("mount", path="/usr/bin:/bin") or "mount"
_UMOUNT = shutil.which("umount", path="/usr/bin:/bin") or "umount"


@contextlib.contextmanager
def mounted(path: Path, *options: str) -> Iterator[Path]:
    """A file system in memory at a folder, with options of tmpfs such as "size=1m" or "nr_inodes=20".

    Skips the test where this process may not mount.
    """
    path.mkdir(parents=True, exist_ok=True)
    command = [_MOUNT, "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this process may not mount: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run([_UMOUNT, "-l", str(path)], check=True)


def remount_read_only(path: Path) -> None:
    """Nothing can be written there from now on."""
    subprocess.run([_MOUNT, "-o", "remount,ro", str(path)], check=True)


def fill(path: Path) -> None:
    """Take what room there is."""
    with contextlib.suppress(OSError), (path / "filler").open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 16))
    with contextlib.suppress(OSError), (path / "filler-2").open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x")
    assert os.statvfs(path).f_bavail * os.statvfs(path).f_frsize < 1 << 16
