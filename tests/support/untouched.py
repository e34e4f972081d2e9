"""What a command must leave alone: index, HEAD, work tree and refs, compared byte for byte."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.repo import Repo


@contextmanager
def untouched(repo: Repo, *, but: str = "") -> Iterator[None]:
    """Check that index file, HEAD, `git status` and refs are the same afterwards.

    Args:
        repo: A repository; may be bare.
        but: A ref that may change.
    """
    before = _state(repo, but)
    yield
    after = _state(repo, but)
    assert {name for name in before if after[name] != before[name]} == set()


def _state(repo: Repo, but: str) -> dict[str, object]:
    def git(*words: str) -> str:
        return repo.git(*words, check=False, env={"GIT_OPTIONAL_LOCKS": "0"}).stdout

    folder = Path(git("rev-parse", "--absolute-git-dir").strip())
    index = folder / "index"
    refs = git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return {
        "index": (index.read_bytes(), index.stat().st_mtime_ns) if index.exists() else None,
        "HEAD": (folder / "HEAD").read_bytes(),
        "status": git("status", "--porcelain", "--branch", "-z"),
        "files": git("ls-files", "--others", "-z"),
        "refs": [ref for ref in refs if not but or not ref.startswith(f"{but} ")],
        "reflog of HEAD": git("reflog", "show", "HEAD"),
        "locks": sorted(path.name for path in folder.glob("*.lock")),
    }
