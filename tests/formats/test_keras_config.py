"""A configuration of Keras holds no code only if every object is of Keras's own classes."""

from __future__ import annotations

import itertools
import json

import pytest

from gitmodel.formats.describe import describe_file
from gitmodel.formats.keras_config import MAX_CONFIG, KerasConfig, judge
from tests.support.formats import pread, safetensors_file, zip_file


def layer(name: object, module: object = "keras.layers", **more: object) -> dict[str, object]:
    return {
        "class_name": name,
        "module": module,
        "config": {"units": 1},
        "registered_name": None,
    } | more


def code(*layers: object) -> str:
    root = {"class_name": "Sequential", "module": "keras", "config": {"layers": list(layers)}}
    return judge(json.dumps(root).encode()).code


@pytest.mark.parametrize(
    "one",
    [
        layer("Dense"),
        {"class_name": "Dense", "config": {"activation": "relu"}},
        layer("Functional", "keras.src.models.functional", registered_name="Functional"),
        layer("Add", "keras.src.ops.numpy", registered_name="Add"),
        layer("Cast", "keras.src.ops.core", registered_name="Cast"),
        layer("LayerScale", "keras.src.applications.convnext", registered_name="LayerScale"),
        layer("CosineDecay", "keras.optimizers.schedules"),
        layer("function", "builtins", config="categorical_crossentropy"),
        {"class_name": "__keras_tensor__", "config": {"shape": [None, 4]}},
        {"class_name": "TensorShape", "items": [None, 4]},
    ],
)
def test_classes_of_keras_hold_no_code(one: object) -> None:
    assert code(one) == "none"


@pytest.mark.parametrize(
    "one",
    [
        layer("Lambda"),
        layer("TFOpLambda"),
        layer("TFSMLayer"),
        layer("TorchModuleWrapper"),
        layer("JaxLayer"),
        layer("Mine", "mine", registered_name="mine>Mine"),
        layer("Dense", registered_name="mine>Dense"),
        layer("Dense", "os"),
        layer("get_file", "keras.utils"),
        layer("load_model", "keras.models"),
        layer("function", "builtins", config="eval"),
        layer("function", "os", config="system"),
        layer("function", "builtins", config={"function_type": "lambda"}),
        layer("Map", "keras.src.ops.core"),
        layer("__typespec__", None, config={"module": "os"}),
        layer(["Lambda"]),
        layer("Dense", ["keras.layers"]),
        {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}},
        {"x": [[[{"y": {"class_name": "Lambda"}}]]]},
        {"activation": {"__lambda__": "4wEAAAA="}},
        {"config": {"function_type": "lambda", "function": ["4wEAAAA=", None, None]}},
    ],
)
def test_everything_else_is_code(one: object) -> None:
    assert code(layer("Dense"), one) == "yes"


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"class_name": 1}',
        b"[" * 1_000_000,
        b'{"class_name": "Sequential", "config": ' + b"9" * 10_000 + b"}",
        b" " * (MAX_CONFIG + 1),
        b'{"class_name": "Sequential", "config": [' + b"1," * 600_000 + b"1]}",
    ],
    ids=itertools.count(),
)
def test_what_is_no_configuration_or_too_large_is_unknown(config: bytes) -> None:
    assert judge(config).code == "unknown"


def test_the_architecture_is_the_class_of_the_model() -> None:
    root = {"class_name": "Functional", "config": {}}

    assert judge(json.dumps(root).encode()) == KerasConfig("Functional", "none")


def test_the_configuration_of_a_training_has_no_class() -> None:
    assert judge(b'{"loss": "mse"}', is_model=False).code == "none"
    assert judge(b'{"loss": {"class_name": "Lambda"}}', is_model=False).code == "yes"


class TestArchive:
    """A `.keras` file: one configuration, which every reader of zip archives finds."""

    config = json.dumps({"class_name": "Sequential", "config": {"layers": []}}).encode()

    def described(self, data: bytes) -> tuple[str | None, str]:
        found = describe_file("m.keras", pread(data), len(data))
        return found.type, found.code

    def weights(self) -> bytes:
        from tests.formats.test_recorded_model_files import MADE
        from tests.recorders.model_files import unpacked

        name = "none-weights.weights.h5"
        return unpacked(MADE[f"tensorflow/{name}"]["files"])[name]

    def test_as_keras_writes_it(self) -> None:
        members = {
            "metadata.json": b"{}",
            "config.json": self.config,
            "model.weights.h5": self.weights(),
        }

        assert self.described(zip_file(members)) == ("keras", "none")

    def test_a_configuration_that_does_not_end_is_not_unpacked(self) -> None:
        members = {"config.json": bytes(64 << 20), "model.weights.h5": self.weights()}

        assert self.described(zip_file(members, compressed=["config.json"])) == (None, "unknown")

    def test_compressed_weights_are_not_counted(self) -> None:
        members = {"config.json": self.config, "model.weights.h5": self.weights()}

        assert self.described(zip_file(members, compressed=list(members))) == ("keras", "unknown")

    def test_another_archive_behind_or_before_is_code(self) -> None:
        data = zip_file({"config.json": self.config, "model.weights.h5": self.weights()})
        other = zip_file({"config.json": self.config})

        assert self.described(data + other)[1] == "yes"
        assert self.described(data + bytes(3))[1] == "yes"

    def test_two_configurations_are_code(self) -> None:
        members = {
            "config.json": self.config,
            "Config.json": b"{}",
            "model.weights.h5": self.weights(),
        }
        data = zip_file(members)

        assert self.described(data)[1] == "yes"
        assert self.described(data.replace(b"Config.json", b"config.json"))[1] == "yes"

    def test_all_weights_of_an_archive_share_the_bounds(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        many = {f"model_{at}.weights.h5": self.weights() for at in range(8)}
        data = zip_file({"config.json": self.config, **many})

        def described() -> tuple[bool, str]:
            found = describe_file("m.keras", pread(data), len(data))
            return found.tensors is not None, found.code

        assert described() == (True, "none")
        monkeypatch.setattr("gitmodel.formats.block_reader.MAX_STEPS", 1000)
        assert described() == (False, "unknown")

    def test_an_archive_behind_other_weights_is_code(self) -> None:
        archive = zip_file({"config.json": self.config, "model.weights.h5": self.weights()})
        both = safetensors_file({"w": archive})

        assert self.described(both) == (None, "yes")

    def test_the_older_format_under_the_newer_name_is_read(self) -> None:
        assert self.described(self.weights()) == ("hdf5", "none")


def test_hdf5_behind_other_weights_is_not_said_to_be_without_code() -> None:
    model = bytes(512 - 8 - 70) + b"\x89HDF\r\n\x1a\n" + bytes(500)
    both = safetensors_file({"w": model})

    assert describe_file("m.safetensors", pread(both), len(both)).code == "none"
    assert describe_file("m.h5", pread(both), len(both)).code == "unknown"
    assert describe_file("pytorch_model.bin", pread(both), len(both)).code == "unknown"
