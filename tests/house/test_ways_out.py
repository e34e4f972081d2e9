"""The ways by which weights leave a store are few, and known: each checks them before anybody sees them."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "gitmodel"

# What decodes single chunks, or parts of packs, and the modules that may use it. A chunk is checked by its
# hash; nothing says that it is one of the version, until `workflows/bound` has looked.
USERS = {
    "decode_into": {"store/reader.py"},  # its callers check the digest of whole files
    "raw_chunk": {"store/reader.py", "store/bases.py"},
    "decoded": set(),
    "FileView": {
        "store/bases.py",  # looks for bases: what it reads stays inside
        "store/streams.py",  # of which it is given
        "workflows/partial.py",  # of files that are bound
    },
    "PackSource": {"workflows/bound.py"},
    "FileStream": {"workflows/partial.py"},
    "bound_files": {"workflows/partial.py"},
    "Reader": {  # whole files, by their digest
        "workflows/bound.py",
        "workflows/partial.py",
        "workflows/placer.py",
        "workflows/sources.py",
        "workflows/verify.py",
    },
}
HOMES = {
    "gitmodel.store.chunks",
    "gitmodel.store.streams",
    "gitmodel.store.reader",
    "gitmodel.workflows.bound",
}


def test_single_chunks_are_read_where_it_is_known_whose_they_are() -> None:
    found: dict[str, set[str]] = {name: set() for name in USERS}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in HOMES:
                for alias in node.names:
                    if alias.name in found:
                        found[alias.name].add(path.relative_to(PACKAGE).as_posix())

    assert found == USERS
