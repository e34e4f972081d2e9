"""Calls from several threads at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import gitmodel
from tests.support.desk import Desk, kept_desk
from tests.support.formats import safetensors_file
from tests.support.stores import some_bytes

THREADS = 6
CONTENTS = [some_bytes(300_000, seed=seed) for seed in (1, 2, 3)]


def three_versions(desk: Desk) -> Desk:
    """Three versions of a model of one tensor, pushed; Ben has a clone with nothing fetched."""
    for content in CONTENTS:
        desk.version(safetensors_file({"w": content}), "net.safetensors")
    desk.push()
    return desk.join("ben")


net = kept_desk(three_versions)


def test_threads_read_versions_at_the_same_time(net: Desk) -> None:
    repo = net.repo.path

    def read(number: int) -> list[bytes]:
        version = 1 + number % 3
        reference = f"net@{version}"
        with gitmodel.open(reference, repo=repo) as stream:
            streamed = stream.read()
        tensor = gitmodel.tensor(reference, "w", repo=repo)
        placed = Path(gitmodel.path(reference, repo=repo)).read_bytes()
        return [CONTENTS[version - 1], bytes(tensor), streamed[-300_000:], placed[-300_000:]]

    with ThreadPoolExecutor(THREADS) as pool:
        for right, *found in pool.map(read, range(3 * THREADS)):
            assert found == [right] * 3


def test_threads_share_a_tensor(net: Desk) -> None:
    tensor = gitmodel.tensor("net@2", "w", repo=net.repo.path)

    with ThreadPoolExecutor(THREADS) as pool:
        arrays = [*pool.map(lambda _: np.asarray(tensor), range(THREADS))]

    assert all(np.shares_memory(arrays[0], array) for array in arrays)


def test_threads_add_different_models(desk: Desk) -> None:
    paths = [
        desk.repo.write(f"model{number}.bin", some_bytes(50_000, seed=number))
        for number in range(THREADS)
    ]

    with ThreadPoolExecutor(THREADS) as pool:
        reports = [*pool.map(gitmodel.add, paths)]

    assert [report.version for report in reports] == [1] * THREADS
    assert desk.staged() == [".gitignore", *(f"model{n}.model.yaml" for n in range(THREADS))]
