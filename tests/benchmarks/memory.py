"""Peak memory of storing and restoring one file, each in a process of its own.

    python tests/benchmarks/memory.py [MIB] [--workers N]

Three steps: `add` a file of MIB mebibytes (half random, half compressible), `again` with one byte
changed in every eighth MiB (most chunks known, few new ones), `checkout` of the first. The bar is
256 MiB for any size and any number of cores; the last column is the peak without what an idle
process with the same imports takes.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from gitmodel.cache.cache import Cache
from gitmodel.cache.reader import Reader
from gitmodel.cache.writer import store_weights
from gitmodel.domain.digest import Digest
from gitmodel.files.source_file import SourceFile
from gitmodel.project.context import Silent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.encoding.manifest.manifest import Manifest

MIB = 2**20
STEPS = ("idle", "add", "again", "checkout")


def make_file(path: str, size_mib: int) -> None:
    """Random and compressible mebibytes in turn."""
    with open(path, "wb") as stream:
        for number in range(size_mib):
            block = os.urandom(MIB) if number % 2 else os.urandom(MIB // 4) + bytes(MIB - MIB // 4)
            stream.write(block)


def change_file(path: str, size_mib: int) -> None:
    """Change one byte in every eighth mebibyte."""
    with open(path, "r+b") as stream:
        for number in range(1, size_mib, 8):
            stream.seek(number * MIB + MIB // 2)
            stream.write(os.urandom(1))


def add(cache: Cache, path: str, workers: int | None, reuse: Iterable[Manifest] = ()) -> Digest:
    """Store a file; returns its digest."""
    source = SourceFile("", os.path.getsize(path), lambda: os.open(path, os.O_RDONLY))
    manifest = store_weights(
        cache, [source], folder=False, reuse=reuse, progress=Silent(), workers=workers
    )
    return manifest.digest


def run_step(step: str, folder: str, workers: int | None) -> None:
    """One step; prints the digest and this process's peak in KiB."""
    cache = Cache(os.path.join(folder, "cache"))
    note = os.path.join(folder, "digest")
    digest = None
    if step == "add":
        digest = add(cache, os.path.join(folder, "file"), workers)
        with open(note, "w", encoding="ascii") as stream:
            stream.write(digest.hex)
    elif step != "idle":
        with open(note, encoding="ascii") as stream:
            manifest = cache.manifest(Digest.from_hex(stream.read()))
        if manifest is None:
            raise SystemExit("the first step has not run")
        if step == "again":
            digest = add(cache, os.path.join(folder, "file"), workers, [manifest])
        else:
            target = os.open(os.path.join(folder, "out"), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            reader = Reader(cache, workers=workers)
            reader.write_file(manifest, manifest.files[0], target, progress=Silent())
            os.close(target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(f"{peak}\n")


def measure(step: str, folder: str, workers: int | None) -> float:
    """The peak of one step in MiB, in a new process."""
    command = [sys.executable, __file__, "--step", step, "--folder", folder]
    if workers is not None:
        command += ["--workers", str(workers)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(ended.stdout) / 1024


def main() -> None:
    """Run all steps and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("size_mib", nargs="?", type=int, default=200)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step is not None:
        run_step(options.step, options.folder, options.workers)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_file(os.path.join(folder, "file"), options.size_mib)
        idle = measure("idle", folder, options.workers)
        sys.stdout.write(f"{'step':<10}{'peak MiB':>10}{'own MiB':>10}\n")
        for step in STEPS[1:]:
            if step == "again":
                change_file(os.path.join(folder, "file"), options.size_mib)
            peak = measure(step, folder, options.workers)
            sys.stdout.write(f"{step:<10}{peak:>10.0f}{peak - idle:>10.0f}\n")


if __name__ == "__main__":
    main()
