"""The ways by which weights leave a store are few, and known: each checks them before anybody sees them."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "gitmodel"

# What decodes single chunks, or parts of packs, and the modules that may use it. A chunk is checked by its
# hash; nothing says that it is one of the version, until `project/fetching/verified_chunks` has looked.
USERS = {
    "decode_into": {"cache/reader.py"},  # its callers check the digest of whole files
    "raw_chunk": {"cache/reader.py", "cache/delta_bases.py"},
    "decoded": set(),
    "FileView": {
        "cache/delta_bases.py",  # looks for bases: what it reads stays inside
        "cache/file_streams.py",  # of which it is given
        "project/comparing/bounded_packs.py",  # of manifests whose chunks are verified
        "project/fetching/stream.py",  # of files that are bound
    },
    "PackSource": {"project/fetching/verified_chunks.py"},
    "FileStream": {"project/fetching/stream.py"},
    "bound_files": {"project/fetching/stream.py"},
    "Reader": {  # whole files, by their digest
        "project/fetching/verified_chunks.py",
        "workflows/checkout_files.py",
        "project/fetching/materialize.py",
        "project/publishing/weight_sources.py",
        "workflows/verify.py",
    },
}
HOMES = {
    "gitmodel.cache.chunk_reader",
    "gitmodel.cache.file_streams",
    "gitmodel.cache.reader",
    "gitmodel.project.fetching.verified_chunks",
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
