"""Files of a training may be anything: they are read or refused, and nothing else is raised.

With GITMODEL_TESTS_LONG=1 each property is tried with thousands of other examples, for about 10 minutes in all.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.metrics import MAX_VALUES, MetricsRead
from gitmodel.errors import TextError
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files.find import read_beside
from gitmodel.trackers.training_files.named import read_named_metrics
from tests.recorders.trainings import RECORDED
from tests.support.trainings import checkpoint_head, write

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
MANY = settings(max_examples=60_000, derandomize=False) if LONG else settings()
SOME = settings(max_examples=15_000, derandomize=False) if LONG else settings()

PLACES = {
    "out": ["out/trainer_state.json", "out/all_results.json", "out/eval_results.json"],
    "checkpoint-4": ["checkpoint-4/trainer_state.json", "checkpoint-4/dvclive/metrics.json"],
    "l/version_0/checkpoints/epoch=1-step=4.ckpt": [
        "l/version_0/metrics.csv",
        "l/version_0/hparams.yaml",
    ],
    "m/a.pt": ["m/dvclive/metrics.json", "m/dvclive/params.yaml", "m/params.yaml", "m/dvc.yaml"],
}
NAMED = sorted({path for paths in PLACES.values() for path in paths} | {"a.csv", "B.TSV"})


@functools.cache
def texts_of_libraries() -> list[str]:
    recorded = [json.loads(path.read_text("utf-8")) for path in sorted(RECORDED.iterdir())]
    files = [
        file
        for content in recorded
        for training in content["trainings"]
        for file in training["files"].values()
    ]
    return sorted({file["text"] for file in files if "text" in file}, key=len)[:60]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
ENTRIES = st.dictionaries(
    st.sampled_from(["step", "epoch", "loss", "eval_loss", "a.b", "", "eval_runtime"]), VALUES
)
STATES = st.fixed_dictionaries(
    {},
    optional={
        "global_step": st.just(4) | VALUES,
        "log_history": st.lists(ENTRIES | VALUES, max_size=6) | VALUES,
        "best_global_step": VALUES,
        "best_model_checkpoint": st.just("out/checkpoint-4") | VALUES,
    },
)
# Cells and marks of CSV and YAML in any order.
PIECES = st.sampled_from(
    [
        *(
            "epoch",
            "step",
            "loss",
            ",",
            ",",
            ",",
            ";",
            "\t",
            "\n",
            "\n",
            "\r\n",
            '"',
            "0",
            "1",
            "3",
        ),
        *(
            "nan",
            "-inf",
            "1e999",
            "0.5",
            "metric,value\n",
            "epoch,step,loss\n",
            ": ",
            "- ",
            "[",
            "{",
        ),
        *(
            "}",
            "]",
            "&a ",
            "*a",
            "!!python/name:os.system ",
            "---\n",
            "# ",
            "| ",
            "\ufeff",
            "٣",
            " ",
        ),
        *("artifacts:\n a:\n  path: ", "../m/a.pt", "/", "..", "\x00", "\u2028", "<<: "),
    ]
)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A file of a library with some bytes replaced."""
    raw = draw(st.sampled_from(texts_of_libraries())).encode()
    start = draw(st.integers(0, len(raw)))
    end = draw(st.integers(start, min(len(raw), start + 40)))
    return raw[:start] + draw(st.binary(max_size=6) | PIECES.map(str.encode)) + raw[end:]


CONTENTS = st.one_of(
    st.binary(max_size=60),
    (STATES | VALUES).map(lambda value: json.dumps(value).encode()),
    st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode()),
    changed(),
)


def check_values(values: object) -> None:
    assert isinstance(values, dict)
    assert len(values) <= MAX_VALUES
    assert all(name.strip() and name.isprintable() and len(name) <= 200 for name in values)


@MANY
@given(st.sampled_from(NAMED), CONTENTS)
def test_a_named_file_is_read_or_refused(path: str, raw: bytes) -> None:
    read, refused = None, ""
    try:
        read = read_named_metrics(raw, path)
    except TextError as error:
        refused = error.message

    assert refused.isprintable()
    assert read is None or isinstance(read, MetricsRead)
    if read is not None:
        check_values(read.values)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp())
    try:
        yield place
    finally:
        shutil.rmtree(place)


@SOME
@given(st.data())
def test_files_beside_weights_are_read_or_noted(data: st.DataObject) -> None:
    weights = data.draw(st.sampled_from(sorted(PLACES)))
    files = {path: data.draw(CONTENTS) for path in PLACES[weights] if data.draw(st.booleans())}
    step, batches = data.draw(st.integers(0, 12)), data.draw(st.none() | st.integers(0, 12))
    head = data.draw(st.sampled_from([b"", checkpoint_head(1, step, batches)]))
    with folder() as root:
        write(root, {weights if "." in weights else f"{weights}/model.safetensors": head})
        write(root, files)

        run = read_beside(str(root), tuple(weights.split("/")))

    assert run is None or isinstance(run, RunMetadata)
    if run is not None:
        check_values(run.metrics)
        check_values(run.params)
        assert run.notes
        assert all(note.isprintable() for note in run.notes)


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("a.csv", b'"' * (1 << 20)),
        ("a.csv", b"a," * 499 + b"a\n" + b"1," * 200_000),
        ("a.csv", b"\n" * (1 << 18)),
        ("a.csv", ",".join(f"c{n}" for n in range(400)).encode() + b"\n1" * 60_000),
        ("trainer_state.json", b'{"global_step": 1, "log_history": [' + b"[" * 500_000),
        ("trainer_state.json", b'{"log_history": [' + b"{}," * 100_000 + b'{}], "global_step": 1}'),
        ("x/dvclive/metrics.json", b'{"a":' * 100_000),
        ("all_results.json", b'{"' + b"a" * 1_000_000 + b'": 1}'),
    ],
    ids=range(8),
)
def test_large_hostile_files_are_read_or_refused_at_once(path: str, raw: bytes) -> None:
    with contextlib.suppress(TextError):
        assert read_named_metrics(raw, path) is not None
