"""Which paths of many are not meant as weights: a shell has made the list, `models/*`, and not a person.

A path that is named alone is always taken at its word. Guarantee: nothing that ends like a file of weights is
passed over by its name.
"""

from __future__ import annotations

from gitmodel.domain.text.lazy_regex import pattern

_OURS = (".model.yaml", ".aliases.yaml", ".alias.yaml", ".deprecated.yaml")
_LITTER = pattern(
    r"\.DS_Store|Thumbs\.db|desktop\.ini|__pycache__|\.ipynb_checkpoints|\.git.*|\.gitmodel.*"
    r"|.*~|\#.*\#|\.\#.*|\..*\.sw[a-p]|.*\.(?:sw[op]|tmp|temp|bak|orig|lock|pyc)"
)
# What lies beside weights and tells about them, or made them.
_BESIDE = pattern(
    r".*\.(?:md|rst|json|jsonl|ya?ml|toml|ini|cfg|csv|tsv|log|out|err|py|ipynb|sh|html?|pdf|png|jpe?g|svg|gif"
    r"|sha256|sha1|md5|sig|asc|dvc)|(?:README|LICENSE|NOTICE|Makefile|Dockerfile)(?:\..*)?"
)


def is_ours(name: str) -> bool:
    """Whether a file is a pointer, or another file that gitmodel writes beside weights."""
    return name.lower().endswith(_OURS)


def is_litter(name: str) -> bool:
    """Whether systems, editors and Git leave files that are called so."""
    return _LITTER.fullmatch(name) is not None


def is_beside(name: str) -> bool:
    """Whether files that are called so mostly lie beside weights: documents, metrics, code."""
    return _BESIDE.fullmatch(name) is not None
