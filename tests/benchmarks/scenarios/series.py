"""What versions of real models cost in storage, as a share of their whole files.

DVC, git-lfs and git-annex store each version whole (the scenarios of `life` measure that), so whole
files stand for all of them here. Counted is all that lies in a folder remote: packs, manifests,
claims.
"""

from __future__ import annotations

import itertools
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.bars import (
    FIVE_BF16,
    GRAPH_EDIT,
    RETRAINED,
    SECOND_FP32,
    SECOND_GGUF,
)
from tests.benchmarks.measuring import Spent, compare, peak
from tests.benchmarks.table import Row, report
from tests.benchmarks.tools.gitmodel import Gitmodel
from tests.support.real_models import (
    REAL_MODELS,
    ModelUnavailableError,
    cache_folder,
    fetch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.benchmarks.world import World

CHECKPOINTS = frozenset({".safetensors", ".gguf"})
SECOND = {"F32": SECOND_FP32, "GGUF": SECOND_GGUF}
COMPRESSED = ("yasa", "0.6.5", "clf_eeg+eog+emg+demo_lgb_0.5.0.joblib")


@dataclass(frozen=True, slots=True)
class Series:
    """Versions of one model.

    Attributes:
        name: For the table.
        files: (model, version, path) of `tests.support.real_models`, in order.
        bar: The most that the last version may add, as a share of its size.
    """

    name: str
    files: tuple[tuple[str, str, str], ...]
    bar: float


PACKAGED = (
    Series(
        "rapidocr v3, v4: retrained",
        (
            ("rapidocr", "1.2.3", "ch_PP-OCRv3_rec_infer.onnx"),
            ("rapidocr", "1.3.25", "ch_PP-OCRv4_rec_infer.onnx"),
        ),
        RETRAINED,
    ),
    Series(
        "ddddocr 1.4.11, 1.6.1: graph edited",
        (("ddddocr", "1.4.11", "common.onnx"), ("ddddocr", "1.6.1", "common.onnx")),
        GRAPH_EDIT,
    ),
)


def rows(world: World, folders: Sequence[Path], rounds: int) -> Iterator[Row]:
    """Store the packaged series, and the checkpoints of each folder in the order of their paths."""
    for series in PACKAGED:
        try:
            files = [_real(*one) for one in series.files]
        except ModelUnavailableError as error:
            yield Row(scenario=series.name, step="", against="whole files", note=str(error)[:90])
            continue
        added = _stored(world, series.name, files)
        yield from _table(series.name, files, added, {len(files): series.bar}, None)
    for folder in folders:
        files = sorted(path for path in folder.rglob("*") if path.suffix in CHECKPOINTS)
        name = f"series {folder.name}"
        if len(files) < 2:
            yield Row(scenario=name, step="", against="whole files", note="fewer than two files")
            continue
        dtype = _dtype(files[0])
        total = FIVE_BF16 if (dtype, len(files)) == ("BF16", 5) else None
        second = {2: SECOND[dtype]} if dtype in SECOND else {}
        yield from _table(name, files, _stored(world, name, files), second, total)
    yield from _already_compressed(world, rounds)


def _real(model: str, version: str, path: str) -> Path:
    for entry in REAL_MODELS:
        if (entry.name, entry.version) == (model, version):
            cache = cache_folder()
            cache.mkdir(parents=True, exist_ok=True)
            return fetch(entry, cache) / path
    raise ModelUnavailableError(f"no real model is called {model} {version}")


def _stored(world: World, name: str, files: Sequence[Path]) -> list[int]:
    """Bytes that each version adds to a folder remote."""
    report(name)
    tool = Gitmodel()
    place = world.place("folder")
    project = tool.start(world, world.fresh("series"), place, f"model{files[0].suffix}")
    sizes = [world.stored(place)]
    for path in files:
        shutil.copyfile(path, project.file)
        project.run(*tool.add(project))
        tool.commit(project)
        project.run(*tool.push(project))
        sizes.append(world.stored(place))
    world.remove(project, place)
    return [after - before for before, after in itertools.pairwise(sizes)]


def _table(
    name: str,
    files: Sequence[Path],
    added: Sequence[int],
    bars: dict[int, float],
    total_bar: float | None,
) -> Iterator[Row]:
    whole = [path.stat().st_size for path in files]
    for number, (size, cost) in enumerate(zip(whole, added, strict=True), start=1):
        step = f"version {number} adds"
        bar = bars.get(number)
        yield Row(scenario=name, step=step, against="whole file", value=cost / size, bar=bar)
    total = sum(added) / sum(whole)
    yield Row(scenario=name, step="all versions", against="whole files", value=total, bar=total_bar)


def _dtype(path: Path) -> str:
    """The element type of most tensors of a safetensors file, or "GGUF"."""
    if path.suffix == ".gguf":
        return "GGUF"
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(min(length, 2**20)).decode("utf-8", "replace")
    found = Counter(re.findall(r'"dtype":"(\w+)"', header)).most_common(1)
    return found[0][0] if found else ""


def _already_compressed(world: World, rounds: int) -> Iterator[Row]:
    """Add a compressed joblib file beside random bytes of its size: as fast, if sampling works."""
    name = "yasa 0.6.5: compressed joblib"
    try:
        path = _real(*COMPRESSED)
    except ModelUnavailableError as error:
        yield Row(scenario=name, step="add", against="random bytes", note=str(error)[:90])
        return
    report(name)
    random = world.fresh("random")
    _write_random(random, path.stat().st_size)
    tool = Gitmodel()
    ours: list[Spent] = []
    theirs: list[Spent] = []
    for _ in range(rounds):
        for source, spent in ((path, ours), (random, theirs)):
            place = world.place("folder")
            project = tool.start(world, world.fresh("joblib"), place, "model.joblib")
            shutil.copyfile(source, project.file)
            spent.append(project.measure(*tool.add(project)))
            world.remove(project, place)
    found = compare(ours, theirs)
    peaks = (peak(ours), peak(theirs))
    yield Row(
        scenario=name,
        step="add",
        against="random bytes",
        value=found.ratio,
        comparison=found,
        peaks=peaks,
    )


def _write_random(path: Path, size: int) -> None:
    import numpy

    path.write_bytes(numpy.random.default_rng(1).bytes(size))
