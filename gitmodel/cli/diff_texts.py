"""The words of a comparison, for people."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cli.format import size_text
from gitmodel.domain.yaml.reader import flow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitmodel.domain.tensor_changes import TensorChange, TensorSpan
    from gitmodel.domain.version_changes import ComparedData, ComparedMetric, Side
    from gitmodel.domain.yaml.reader import Value
    from gitmodel.errors import GitmodelError
    from gitmodel.project.comparing.stored_files import FileChange
    from gitmodel.project.comparing.tensor_stats import TensorStats
    from gitmodel.project.comparing.versions import Compared, VersionChange
    from gitmodel.project.comparing.weights import WeightsChange

_LONGEST_DELTA = 24  # characters; a longer one is rounded
_SHOWN_TYPES = 4
_SHOWN_PARTS = 5
_DERIVED = ".data/serialization_id"  # a hash of the other parts of a PyTorch file
_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


class Names(NamedTuple):
    """How two versions are called: `v5` and `v7`, or `fraud v5` and `churn v3`."""

    a: str
    b: str
    head: str

    def only(self, side: Side | None) -> str:
        """Return "only in v5"; nothing for None."""
        return "" if side is None else f"only in {self.a if side == 'a' else self.b}"


def version_names(a: Compared, b: Compared) -> Names:
    """How to call two versions."""
    is_one_model = a.model.name == b.model.name
    short = [
        f"v{side.pointer.version}" if is_one_model else f"{side.model.name} v{side.pointer.version}"
        for side in (a, b)
    ]
    long = [
        name if side.alias is None else f"{name} ({side.alias})"
        for name, side in zip(short, (a, b), strict=True)
    ]
    head = " -> ".join(long)
    return Names(short[0], short[1], f"{a.model.name} {head}" if is_one_model else head)


def value_text(value: Value, is_missing: bool = False) -> str:
    """A metric or param as people read it; `-` where it is missing."""
    if is_missing:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):  # noqa: PLR0124
        return str(value)
    return flow(value)


def delta_text(delta: Decimal | None) -> str:
    """The difference with its sign; nothing without one. A very long one is rounded to four digits."""
    if delta is None:
        return ""
    if delta == 0:
        return "0"
    short = -_LONGEST_DELTA < delta.adjusted() < _LONGEST_DELTA
    text = f"{delta:+f}" if short else ""
    return text if text and len(text) <= _LONGEST_DELTA else f"{delta:+.3e}"


def verdict_text(metric: ComparedMetric, names: Names) -> str:
    """Return "better", "worse (known name)", "only in v5"; nothing if no direction is known."""
    if metric.only_in is not None:
        return names.only(metric.only_in)
    if metric.verdict in ("better", "worse"):
        known = " (known name)" if metric.better_from == "known name" else ""
        return f"{metric.verdict}{known}"
    return "same" if metric.verdict == "same" else ""


def tensors_text(weights: WeightsChange) -> str:
    """Return "96 same, 7 changed, 0 added, 0 removed; 22.7 M parameters, F32"."""
    count = weights.counts()
    undecided = count["undecided"]
    parts = [f"{count['same']:,} same", f"{count['changed']:,} changed"]
    if undecided:
        parts.append(f"{undecided:,} in changed chunks, not compared further")
    parts += [f"{count['added']:,} added", f"{count['removed']:,} removed"]
    about = []
    if weights.parameters is not None:
        about.append(f"{_count_text(weights.parameters)} parameters")
    if weights.dtypes:
        names = sorted(weights.dtypes, key=lambda one: (-weights.dtypes[one], one))
        more = len(names) - _SHOWN_TYPES
        about += names[:_SHOWN_TYPES] + ([f"{more} other types"] if more > 0 else [])
    if weights.renamed:
        about.append(f"at least {weights.renamed:,} of the added have the bytes of a removed one")
    if numbered := _numbered(weights):
        about.append(f"{numbered:,} storages by number")
    return ", ".join(parts) + (f"; {', '.join(about)}" if about else "")


def _numbered(weights: WeightsChange) -> int:
    """How many storages of PyTorch have no name of a tensor."""
    return sum(
        change.name.startswith("data/") and all(s is None or s.dtype is None for s in change[2:])
        for file in weights.files
        for change in file.tensors or ()
    )


def _count_text(count: int) -> str:
    for unit, letter in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {letter}" if count < 10**16 else f"{Decimal(count):.1e}"
    return str(count)


def files_text(files: Sequence[FileChange]) -> str:
    """Return "8 same, 2 changed, 1 added, 0 removed"."""
    words = ("same", "changed", "added", "removed")
    return ", ".join(f"{sum(file.status == word for file in files):,} {word}" for word in words)


def chunks_text(files: Sequence[FileChange], names: Names) -> Iterator[str]:
    """For changed files without known tensors: how many chunks differ, and why tensors are not known."""
    for file in files:
        if file.tensors is not None or file.status == "same" or file.chunks is None:
            continue
        same, only_a, only_b = file.chunks
        where = f"{file.path}: " if file.path else ""
        why = f"; tensors not compared: {file.problem}" if file.problem else ""
        yield (
            f"{where}{same:,} same, {only_a:,} only in {names.a}, {only_b:,} only in {names.b}{why}"
        )


def _bytes_text(report: VersionChange, names: Names) -> str:
    """Return "90.9 MB, 21.4 MB in changed chunks; v7 takes 6.8 MB of the store that v5 does not"."""
    old, new = report.a.pointer.size, report.b.pointer.size
    size = size_text(new) if old == new else f"{size_text(old)} -> {size_text(new)}"
    change = report.weights.bytes
    if change is None:
        return size
    return (
        f"{size}, {size_text(change.changed)} in changed chunks; {names.b} takes"
        f" {size_text(change.stored)} of the store that {names.a} does not"
    )


def weights_texts(
    report: VersionChange, names: Names, *, with_reason: bool = True
) -> Iterator[tuple[str, str]]:
    """What differs between the weights: titles, and a text each.

    `with_reason` names the error because of which they were not compared; it depends on the machine.
    """
    weights = report.weights
    if weights.is_same:
        yield "tensors", "all the same: both versions have one digest"
    elif weights.missing:
        yield "tensors", _missing_text(report, with_reason=with_reason)
    else:
        if [file.path for file in weights.files] != [""]:
            yield "files", files_text(weights.files)
        if weights.has_tensors:
            yield "tensors", tensors_text(weights)
        for text in chunks_text(weights.files, names):
            yield "chunks", text
        for text in others_text(weights.files):
            yield "other", text
        if weights.stats_problem is not None:
            yield "stats", _problem_text(weights.stats_problem, with_reason=with_reason)
    yield "bytes", _bytes_text(report, names)


def _missing_text(report: VersionChange, *, with_reason: bool) -> str:
    """Say that weights were not compared, why, and which command helps."""
    versions = " ".join(f"{one.model.name}@{one.pointer.version}" for one in (report.a, report.b))
    why = f": {report.weights.missing[0].message}" if with_reason else ""
    return f"not compared, because a manifest is missing here{why}; gitmodel fetch {versions}"


def _problem_text(error: GitmodelError, *, with_reason: bool) -> str:
    return f"the changed tensors could not be read{f': {error.message}' if with_reason else ''}"


def others_text(files: Sequence[FileChange]) -> Iterator[str]:
    """For files whose tensors were compared: which other parts differ, such as `data.pkl`."""
    for file in files:
        if file.tensors is None or file.status != "changed":
            continue
        where = f"{file.path}: " if file.path else ""
        parts = [
            f"{one.name} {status_text(one)}"
            for one in file.others
            if one.status != "same" and one.name != _DERIVED
        ]
        if parts:
            more = len(parts) - _SHOWN_PARTS
            yield where + ", ".join(
                parts[:_SHOWN_PARTS] + ([f"and {more:,} more"] if more > 0 else [])
            )
        elif all(one.status == "same" for one in file.tensors):
            yield f"{where}all tensors are the same; the order of tensors, metadata or padding differs"


def deprecation_texts(report: VersionChange) -> Iterator[str]:
    """Say which of the versions are deprecated."""
    for side in (report.a, report.b):
        if side.deprecated is not None:
            yield f"v{side.pointer.version} is {side.deprecated.words()}"


def bare_texts(report: VersionChange) -> Iterator[str]:
    """Say of which versions only an alias is known."""
    for side in report.bare:
        yield (
            f"this clone has only the alias of v{side.pointer.version}, so params, run, format and data"
            " are not compared; git fetch --unshallow"
        )


def data_text(data: ComparedData, names: Names) -> str:
    """Return "same", "only in v5", or both digests."""
    if data.only_in is not None:
        return names.only(data.only_in)
    if data.same is None:
        return "has no digest to compare"
    return "same" if data.same else f"{data.a} -> {data.b}"


def status_text(change: TensorChange) -> str:
    """Return "changed", "in changed chunks", ..."""
    return "in changed chunks" if change.status == "undecided" else change.status


def stats_texts(stats: TensorStats | None) -> tuple[str, str, str, str]:
    """How far a tensor moved: three texts, and a note. All are empty without statistics."""
    if stats is None:
        return "", "", "", ""
    if stats.max_abs is None or stats.mean_abs is None:
        return "", "", "", stats.problem or ""
    return (
        f"max |Δ| {stats.max_abs:.3g}",
        f"mean |Δ| {stats.mean_abs:.3g}",
        "no cosine" if stats.cosine is None else f"cosine {stats.cosine:.6f}",
        f"{stats.left_out:,} elements are not finite" if stats.left_out else "",
    )


def shape_text(a: TensorSpan | None, b: TensorSpan | None) -> str:
    """Return "F32 384 x 384", or both sides if they differ."""
    texts = [_one_shape(span) for span in (a, b) if span is not None]
    return texts[0] if len(set(texts)) == 1 else " -> ".join(texts)


def _one_shape(span: TensorSpan) -> str:
    if span.dtype is None or span.shape is None:
        return size_text(span.size)
    return f"{span.dtype} {' x '.join(map(str, span.shape)) or 'scalar'}"
