"""Storages of PyTorch have the names of the tensors that fill them; nothing is unpickled."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.formats.state_dict_names import NamedStorage, storage_names
from gitmodel.formats.tensors import tensor_places
from tests.support.formats import pread
from tests.support.real_models import fetch_real_models
from tests.support.torch_zip import Saved, nested, ordered_dict, state_dict

if TYPE_CHECKING:
    from pathlib import Path

FULL = Saved("0", "FloatStorage", 6, (2, 3))


def names(pickle: bytes) -> dict[str, NamedStorage] | None:
    """The names that a pickle gives, behind other bytes."""
    return storage_names(pread(b"before" + pickle), 6, len(pickle))


def test_a_tensor_that_fills_its_storage_names_it() -> None:
    tensors = [("w", FULL), ("b", Saved("1", "BFloat16Storage", 1, ()))]

    assert names(state_dict(tensors)) == {
        "0": NamedStorage("w", "F32", (2, 3)),
        "1": NamedStorage("b", "BF16", ()),
    }


@pytest.mark.parametrize(
    "tensors",
    [
        [("w", FULL), ("tied", FULL)],
        [("view", FULL._replace(shape=(3,), offset=1))],
        [("part", FULL._replace(shape=(2, 2)))],
        [("transposed", FULL._replace(shape=(3, 2), stride=(1, 3)))],
    ],
    ids=["shared", "view", "part", "transposed"],
)
def test_other_tensors_do_not(tensors: list[tuple[str, Saved]]) -> None:
    assert names(state_dict(tensors)) == {}


def test_a_key_of_two_tensors_is_no_name() -> None:
    one, other = ordered_dict([("w", FULL)]), ordered_dict([("w", FULL._replace(key="1"))])

    assert names(nested({"model": one, "ema": other})) == {}
    assert names(nested({"model": one})) == {"0": NamedStorage("w", "F32", (2, 3))}


def test_a_pickle_that_runs_a_program_runs_nothing(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    pickle = f"cos\nsystem\n(S'touch {target}'\ntR.".encode()

    assert names(pickle) == {}
    assert not target.exists()


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_read_without_an_error(noise: bytes, cut: int) -> None:
    whole = state_dict([("w", FULL), ("b", FULL._replace(key="1"))])

    names(noise)
    names(whole[:cut] + noise + whole[cut:])


def test_a_real_checkpoint_has_the_names_of_its_model() -> None:
    """The other storages are of the optimizer, whose keys repeat."""
    path = fetch_real_models(["chgnet"]) / "chgnet/0.4.2/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar"
    with path.open("rb") as stream:

        def read(offset: int, count: int) -> bytes:
            return os.pread(stream.fileno(), count, offset)

        places = tensor_places(read, path.stat().st_size)
        place = places["data.pkl"]
        found = storage_names(read, place.offset, place.extent.size)

    assert found is not None
    assert (len(found), sum(math.prod(one.shape) for one in found.values())) == (136, 412_525)
    assert "composition_model.fc.weight" in {one.name for one in found.values()}
    for key, named in found.items():
        assert places[f"data/{key}"].extent.size == 4 * math.prod(named.shape)
