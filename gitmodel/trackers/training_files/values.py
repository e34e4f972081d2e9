"""Converts what a training file holds to values that a pointer can store, and says what is left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gitmodel.domain.metrics import MAX_FILE_BYTES, read_metrics
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.yaml.reader import decode
from gitmodel.errors import TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.metrics import MetricsRead
    from gitmodel.trackers.training_files.work_tree import FoundFile

_NAMED = 5  # values named in one note


def parse_json(raw: bytes, *, what: str) -> Mapping[str, Any]:
    """Parse a JSON object as Python writes it: with bare `NaN` and `Infinity`.

    Raises:
        TextError: It does not parse, or is too large.
    """
    text = decode(raw.removeprefix(b"\xef\xbb\xbf"), what=what, max_bytes=MAX_FILE_BYTES)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise TextError(f"{what}: line {error.lineno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise TextError(f"{what}: nested too deeply") from error
    except ValueError as error:  # more digits than Python converts
        raise TextError(f"{what}: a number has too many digits") from error
    if not isinstance(content, dict):
        raise TextError(f"{what}: the file must be an object")
    return content


def read_params(found: FoundFile | None, notes: list[str]) -> Mapping[str, Any]:
    """Read a file of params in YAML; a file outside the supported subset is said in `notes`."""
    if found is None:
        return {}
    try:
        read = read_metrics(found.raw, path="params.yaml", lists=True)
    except TextError as error:
        reason = error.message.removeprefix("params.yaml: ")
        notes.append(f"no params were read from {quote_text(found.path, limit=200)}: {reason}")
        return {}
    notes.extend(skipped_note(read, found.path))
    return read.values


def skipped_note(read: MetricsRead, path: str) -> list[str]:
    """A note about values that cannot be recorded, if there are some."""
    if not read.skipped:
        return []
    named = [f"{quote_text(name)} ({reason})" for name, reason in read.skipped[:_NAMED]]
    more = len(read.skipped) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    return [f"not recorded of {quote_text(path, limit=200)}: {', '.join(named)}{rest}"]
