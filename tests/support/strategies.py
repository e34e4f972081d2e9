"""Hypothesis strategies for the values of gitmodel: names, digests, paths, YAML values, pointers, aliases."""

from __future__ import annotations

import math
import string
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.digest import Digest, ListedFile
from gitmodel.domain.exclude import check_patterns
from gitmodel.domain.paths import safe_parts, to_nfc
from gitmodel.domain.pointer import MAX_SIZE, MetricsSource, Pointer, Previous
from gitmodel.domain.reference import MAX_VERSION, check_alias, check_name
from gitmodel.errors import GitmodelError

if TYPE_CHECKING:
    from collections.abc import Callable


def _passes(check: Callable[[Any], object]) -> Callable[[Any], bool]:
    def passes(text: object) -> bool:
        try:
            check(text)
        except GitmodelError:
            return False
        return True

    return passes


_part = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,15}", fullmatch=True)
names = st.lists(_part, min_size=1, max_size=3).map("/".join).filter(_passes(check_name))
alias_names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True).filter(
    _passes(check_alias)
)
versions = st.integers(1, MAX_VERSION)
digests = st.binary(min_size=32, max_size=32).map(lambda raw: Digest(raw.hex()))
sizes = st.integers(0, MAX_SIZE)

# Whatever UTF-8 can hold, with a taste for what parsers stumble over.
texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(
            list("\"\\'#:{}[],&*!|>%@`-~ \t\r\n\x00\x1b\x85\xa0\u200c\u202e\u2028\ufeff\ufffe")
        ),
        st.sampled_from(string.ascii_letters + string.digits),
    ),
    max_size=30,
)
_path_part = st.text(
    st.one_of(st.sampled_from("abcXYZ019._- éßДあ"), st.characters(exclude_categories=["Cs"])),
    min_size=1,
    max_size=12,
).map(to_nfc)
paths = st.lists(_path_part, min_size=1, max_size=3).map("/".join).filter(_passes(safe_parts))
# NaN is one object, so that values that hold it are equal to themselves.
floats = st.floats(allow_nan=False) | st.just(math.nan)
scalars = st.none() | st.booleans() | st.integers() | floats | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(texts, values, max_size=4)
listed_files = st.builds(ListedFile, path=paths, size=sizes, digest=digests)

_known = set(Pointer.__dataclass_fields__) | {"gitmodel", "check"}
_unknown = st.dictionaries(texts.filter(lambda key: key not in _known), values, max_size=2)
pointers = st.builds(
    Pointer,
    name=names,
    version=versions,
    digest=digests,
    size=sizes,
    path=paths.filter(
        lambda path: (
            not path.lower().endswith(
                (".model.yaml", ".aliases.yaml", ".alias.yaml", ".deprecated.yaml")
            )
        )
    ),
    chunks=st.none() | digests,
    exclude=st.lists(st.from_regex(r"[a-z.]{1,6}[*]?", fullmatch=True), max_size=2, unique=True)
    .filter(_passes(check_patterns))
    .map(tuple),
    run_id=st.none() | texts,
    run=st.none() | mappings,
    metrics=st.dictionaries(texts, st.booleans() | st.integers() | floats | texts, max_size=4),
    params=mappings,
    previous=st.none() | st.builds(Previous, version=versions, digest=digests),
    format=st.none() | mappings,
    metrics_from=st.none() | st.builds(MetricsSource, path=paths, digest=digests),
    description=st.none() | texts,
    license=st.none() | texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    data=st.lists(mappings, max_size=2).map(tuple),
    base=st.none() | texts,
    forced=st.none() | texts,
    unknown=_unknown,
)
_metrics = st.dictionaries(texts, st.booleans() | st.integers() | floats | texts, max_size=4)
_alias_keys = set(Alias.__dataclass_fields__) | {"gitmodel", "check"}
aliases = st.builds(
    Alias,
    name=names,
    alias=alias_names,
    version=versions,
    digest=digests,
    size=sizes,
    chunks=st.none() | digests,
    metrics=_metrics,
    previous=st.none() | st.builds(Previous, version=versions, digest=digests),
    why=st.none() | texts,
    forced=st.none() | texts,
    imported=st.none() | mappings,
    unknown=st.dictionaries(texts.filter(lambda k: k not in _alias_keys), values, max_size=2),
)
dates = st.dates().map(lambda day: day.isoformat())
deprecations = st.builds(
    Deprecations,
    versions=st.dictionaries(
        versions,
        st.builds(
            Deprecation,
            why=texts,
            since=st.none() | dates,
            until=st.none() | dates,
            instead=st.none() | versions,
        ),
        max_size=3,
    ),
    unknown=st.dictionaries(
        texts.filter(lambda key: key not in {"deprecated", "gitmodel"}), values, max_size=2
    ),
)
