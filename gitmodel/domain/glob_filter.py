"""Recognises files that are not weights in a list of paths that a shell expanded, such as `models/*`.

A single path is never filtered. Guarantee: a file with a known ending of weights is never filtered.
"""

from __future__ import annotations

from gitmodel.domain.text.lazy_regex import lazy_compile

_GITMODEL_SUFFIXES = (".model.yaml", ".aliases.yaml", ".alias.yaml", ".deprecated.yaml")
_TEMPORARY = lazy_compile(
    r"\.DS_Store|Thumbs\.db|desktop\.ini|__pycache__|\.ipynb_checkpoints|\.git.*|\.gitmodel.*"
    r"|.*~|\#.*\#|\.\#.*|\..*\.sw[a-p]|.*\.(?:sw[op]|tmp|temp|bak|orig|lock|pyc)"
)
# Documents, metrics and code.
_COMPANION = lazy_compile(
    r".*\.(?:md|rst|json|jsonl|ya?ml|toml|ini|cfg|csv|tsv|log|out|err|py|ipynb|sh|html?|pdf|png|jpe?g|svg|gif"
    r"|sha256|sha1|md5|sig|asc|dvc)|(?:README|LICENSE|NOTICE|Makefile|Dockerfile)(?:\..*)?"
)


def is_gitmodel_file(name: str) -> bool:
    """Whether this is the name of a pointer, or of another file that gitmodel writes."""
    return name.lower().endswith(_GITMODEL_SUFFIXES)


def is_temporary(name: str) -> bool:
    """Whether operating systems, editors or Git create files of this name."""
    return _TEMPORARY.fullmatch(name) is not None


def is_companion(name: str) -> bool:
    """Whether files of this name usually accompany weights: documents, metrics, code."""
    return _COMPANION.fullmatch(name) is not None
