"""PyTorch's files are described without unpickling: tensors are counted, and the functions are of a fixed list."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.formats.describe import describe_file
from tests.support.real_models import fetch_real_models

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.formats.description import Description


def describe(path: Path) -> Description:
    """Describe a file on disk as `gitmodel add` does."""
    with path.open("rb") as stream:
        return describe_file(
            path.name,
            lambda offset, count: os.pread(stream.fileno(), count, offset),
            path.stat().st_size,
        )


@pytest.mark.parametrize(
    ("name", "tensors", "parameters"),
    [
        ("0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar", 287, 1_135_334),
        ("0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar", 517, 1_171_210),
    ],
)
def test_a_real_checkpoint_is_counted_and_on_the_list(
    name: str, tensors: int, parameters: int
) -> None:
    found = describe(fetch_real_models(["chgnet"]) / "chgnet" / "0.4.2" / name)

    assert found.type == "pytorch"
    assert (found.tensors, found.parameters, found.dtypes) == (
        tensors,
        parameters,
        {"float32": tensors},
    )
    assert found.code == "listed"
    assert found.imports == (
        "collections.OrderedDict",
        "torch.FloatStorage",
        "torch._utils._rebuild_tensor_v2",
    )


def test_a_real_torchscript_model_has_code() -> None:
    found = describe(fetch_real_models(["silero-vad"]) / "silero-vad" / "6.2.3" / "silero_vad.jit")

    assert (found.type, found.tensors, found.code) == ("torchscript", 32, "yes")
