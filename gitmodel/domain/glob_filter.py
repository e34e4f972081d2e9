"""Which paths of many are not meant as weights: a shell has made the list, `models/*`, and not a person.

A path that is named alone is always taken at its word. Guarantee: nothing that ends like a file of weights is
passed over by its name.
"""

from __future__ import annotations

from gitmodel.domain.text.lazy_regex import lazy_compile

_GITMODEL_SUFFIXES = (".model.yaml", ".aliases.yaml", ".alias.yaml", ".deprecated.yaml")
_TEMPORARY = lazy_compile(
    r"\.DS_Store|Thumbs\.db|desktop\.ini|__pycache__|\.ipynb_checkpoints|\.git.*|\.gitmodel.*"
    r"|.*~|\#.*\#|\.\#.*|\..*\.sw[a-p]|.*\.(?:sw[op]|tmp|temp|bak|orig|lock|pyc)"
)
# What lies beside weights and tells about them, or made them.
_COMPANION = lazy_compile(
    r".*\.(?:md|rst|json|jsonl|ya?ml|toml|ini|cfg|csv|tsv|log|out|err|py|ipynb|sh|html?|pdf|png|jpe?g|svg|gif"
    r"|sha256|sha1|md5|sig|asc|dvc)|(?:README|LICENSE|NOTICE|Makefile|Dockerfile)(?:\..*)?"
)


def is_gitmodel_file(name: str) -> bool:
    """Whether a file is a pointer, or another file that gitmodel writes beside weights."""
    return name.lower().endswith(_GITMODEL_SUFFIXES)


def is_temporary(name: str) -> bool:
    """Whether systems, editors and Git leave files that are called so."""
    return _TEMPORARY.fullmatch(name) is not None


def is_companion(name: str) -> bool:
    """Whether files that are called so mostly lie beside weights: documents, metrics, code."""
    return _COMPANION.fullmatch(name) is not None
