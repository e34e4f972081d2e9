"""Tensors of two versions are compared from a clone without weights: exactly, and at one per cent of their bytes.

The bytes are counted between gitmodel and a real S3 server. With GITMODEL_TESTS_LONG=1 also those of two checkpoints
of MiniLM, trained with three of six layers frozen. Nothing here makes them; without them that case is skipped.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.stories.conftest import start_team
from tests.support.faults import bad_network, never
from tests.support.models import safetensors
from tests.support.real_models import cache_folder
from tests.support.stores import some_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.faults import Proxy
    from tests.support.servers import S3Server

pytestmark = pytest.mark.s3

CHECKPOINTS = ("minilm-frozen-lower/base", "minilm-frozen-lower/step-0050")
_SIZES = {"weight": 300_000, "norm": 384, "bias": 1536}  # bytes
LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"


def frozen_half() -> tuple[bytes, bytes]:
    """Two checkpoints of 24 layers, of which the second half was trained; 7.2 MB each."""
    names = [f"layer.{number}.{part}" for number in range(24) for part in _SIZES]
    before = {name: some_bytes(_SIZES[name.rpartition(".")[2]], n) for n, name in enumerate(names)}
    after = dict(before)
    for name in names[len(names) // 2 :]:
        numbers = np.frombuffer(before[name], "<u4") ^ np.uint32(1)
        after[name] = numbers.astype("<u4").tobytes()
    return safetensors(before), safetensors(after)


def minilm() -> tuple[bytes, bytes]:
    if not LONG:
        pytest.skip("GITMODEL_TESTS_LONG is not 1")
    paths = [cache_folder() / name / "model.safetensors" for name in CHECKPOINTS]
    if not all(path.is_file() for path in paths):
        pytest.skip("no checkpoints of MiniLM are in the cache of the tests")
    return paths[0].read_bytes(), paths[1].read_bytes()


def minilm_of_pytorch() -> tuple[bytes, bytes]:
    """The same checkpoints, as `torch.save` writes them."""
    minilm()
    paths = [cache_folder() / name / "pytorch_model.bin" for name in CHECKPOINTS]
    if not all(path.is_file() for path in paths):
        pytest.skip("no checkpoints of PyTorch are in the cache of the tests")
    return paths[0].read_bytes(), paths[1].read_bytes()


@pytest.fixture
def network(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with bad_network(s3_server.endpoint) as proxy:
        yield proxy


@pytest.mark.parametrize("make", [frozen_half, minilm, minilm_of_pytorch])
def test_exactly_the_trained_tensors_at_one_per_cent_of_the_bytes(
    make: object, tmp_path: Path, network: Proxy, s3_server: S3Server
) -> None:
    contents = make()  # type: ignore[operator]
    team = start_team(tmp_path, f"{s3_server.new_place()}/models")
    ana = team.members["ana"]
    for content in contents:
        ana.write("net.safetensors", content)
        ana.gitmodel("add", "net.safetensors")
        ana.git("add", "-A")
        ana.git("commit", "-qm", "train")
    ana.git("push", "-q")
    ben = team.join("ben")

    through = {"AWS_ENDPOINT_URL_S3": network.url}
    first = ben.gitmodel("diff", "net@1", "@2", "--json", env=through)
    fetched, requests = network.fetched, sum(network.asked.values())

    document = json.loads(first.stdout)
    truth = by_numpy(*(minilm() if make is minilm_of_pytorch else contents))
    assert {one["name"]: one["status"] for one in document["tensors"]["list"]} == truth
    assert fetched <= len(contents[0]) // 100
    network.use(never)
    assert ana.gitmodel("diff", "net@1", "@2", "--json", env=through).stdout == first.stdout
    assert network.asked == {}  # her cache has the weights
    print(f"{fetched:,} of {len(contents[0]):,} bytes in {requests} requests")  # noqa: T201


def by_numpy(before: bytes, after: bytes) -> dict[str, str]:
    """Each tensor compared by its bits."""
    old, new = arrays(before), arrays(after)
    assert old.keys() == new.keys()
    return {name: "same" if np.array_equal(old[name], new[name]) else "changed" for name in new}


def arrays(weights: bytes) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.unsignedinteger]]]:
    """The bits of each tensor of a file of F32 and I64."""
    start = 8 + int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8:start])
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(
            weights[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]],
            {"F32": "<u4", "I64": "<u8"}[entry["dtype"]],
        ).reshape(entry["shape"])
        for name, entry in header.items()
    }
