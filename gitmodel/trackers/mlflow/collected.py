"""Collects what a store says about one run, within bounds.

A store may be a stranger's: a metric may be text, a name may be a megabyte, and there may be a million of
them. What is left out is named in a note. Guarantee: every text of the result is valid Unicode and at most
64 KiB long, every metric is a float, and together they are at most 8 MiB.
"""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import quote_text, without_user_info
from gitmodel.domain.text.secrets import find_secret
from gitmodel.errors import TrackerError
from gitmodel.trackers.mlflow.store import COMMIT_TAG, NAME_TAG, PARENT_TAG, SYSTEM, TAGS
from gitmodel.trackers.run_metadata import DataVersion, RunMetadata

if TYPE_CHECKING:
    from gitmodel.trackers.run_metadata import RunStatus

MAX_METRICS = 10_000
MAX_PARAMS = 10_000
MAX_DATA = 1000
MAX_TEXT = 65536  # 64 KiB, in characters
_MAX_TOTAL = 8 << 20  # 8 MiB, in characters
_MAX_NAMED = 3  # names in one note
# Keys of a data set's source that are an address, by its kind (`mlflow.data.*_source`).
_ADDRESSES = ("uri", "url", "path", "table_name", "delta_table_name")
# How servers write them in JSON.
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Collected:
    """Metrics, params, tags and data sets of one run.

    Args:
        database: Whether the greatest float is an infinity: databases of MLflow store it so.
    """

    def __init__(self, *, database: bool) -> None:
        self._greatest = sys.float_info.max if database else math.inf
        self._metrics: dict[str, float] = {}
        self._params: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._data: dict[DataVersion, None] = {}
        self._left_out: dict[str, list[str]] = {}
        self._notes: dict[str, None] = {}
        self._total = 0

    def add_metric(self, key: object, value: object) -> None:
        """Add the last value of a metric: a number, or text such as `NaN`."""
        name, number = self._text(key), self._number(value)
        if name is None or number is None:
            self.leave_out("metrics that are not numbers", key)
        elif len(self._metrics) >= MAX_METRICS:
            self.note(f"the run has more than {MAX_METRICS:,} metrics; the others were left out")
        else:
            self._metrics[name] = number

    def add_param(self, key: object, value: object) -> None:
        """Add a param."""
        name, text = self._text(key), self._text(value)
        if name is None or text is None:
            self.leave_out("params that are too long or not text", key)
        elif len(self._params) >= MAX_PARAMS:
            self.note(f"the run has more than {MAX_PARAMS:,} params; the others were left out")
        else:
            self._params[name] = text

    def add_tag(self, key: object, value: object) -> None:
        """Add a tag; only those in `TAGS` are used."""
        if isinstance(key, str) and key in TAGS and (text := self._text(value)):
            self._tags[key] = text

    def tag(self, key: str) -> str | None:
        """Return a tag that was added."""
        return self._tags.get(key)

    def add_data(self, name: object, digest: object, source: object) -> None:
        """Add a data set; `source` is a JSON text that contains its address."""
        title = self._text(name)
        if not title:
            self.leave_out("data sets without a readable name", name)
        elif len(self._data) >= MAX_DATA:
            self.note(f"the run has more than {MAX_DATA:,} data sets; the others were left out")
        else:
            address = self._address(title, self._text(source))
            self._data[DataVersion(title, self._text(digest) or None, address)] = None

    def leave_out(self, what: str, name: object) -> None:
        """Remember something that was not read, for a note."""
        names = self._left_out.setdefault(what, [])
        names.append(quote_text(name) if isinstance(name, str) else "one without a name")

    def note(self, sentence: str) -> None:
        """Add a note for people."""
        self._notes[sentence] = None

    def optional_text(self, value: object) -> str | None:
        """Return a text within the bounds; None for anything else and for an empty one."""
        return self._text(value) or None

    def finish(
        self,
        *,
        run_id: str,
        status: RunStatus,
        name: object,
        experiment: object,
        started: float | None,
        ended: float | None,
        url: str | None = None,
    ) -> RunMetadata:
        """Return the run."""
        return RunMetadata(
            system=SYSTEM,
            run_id=run_id,
            url=url,
            experiment=self.optional_text(experiment),
            name=self.optional_text(name) or self._tags.get(NAME_TAG),
            status=status,
            code=self._tags.get(COMMIT_TAG),
            parent=self._tags.get(PARENT_TAG),
            metrics=dict(sorted(self._metrics.items())),
            params=dict(sorted(self._params.items())),
            data=tuple(sorted(self._data, key=_order)),
            started=started,
            ended=ended,
            notes=(*self._notes, *self._notes_of_left_out()),
        )

    def _text(self, value: object) -> str | None:
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            return None
        if not value.isascii() and any("\ud800" <= one <= "\udfff" for one in value):
            return None
        self._total += len(value)
        if self._total > _MAX_TOTAL:
            raise TrackerError(
                f"the run has more than {_MAX_TOTAL >> 20} MiB of names and values",
                hint="record the metrics of this version from a file",
            )
        return value

    def _address(self, name: str, source: str | None) -> str | None:
        try:
            read = json.loads(source) if source else None
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            return None
        found = next((read[key] for key in _ADDRESSES if isinstance(read.get(key), str)), None)
        address = self._text(found)
        if address is None:
            return None
        address = without_user_info(address) if "://" in address else address
        if find_secret(address) is not None:
            self.leave_out("addresses of data sets that contain a secret", name)
            return None
        return address or None

    def _number(self, value: object) -> float | None:
        if isinstance(value, str):
            return _NUMBERS.get(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return math.copysign(math.inf, number) if abs(number) >= self._greatest else number

    def _notes_of_left_out(self) -> list[str]:
        return [_note(what, names) for what, names in self._left_out.items()]


def _order(data: DataVersion) -> tuple[str, str, str]:
    return data.name, data.digest or "", data.uri or ""


def _note(what: str, names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED:,} more" if len(names) > _MAX_NAMED else ""
    return f"left out {what}: {', '.join(names[:_MAX_NAMED])}{more}"
