"""Records models of Keras, HDF5, SavedModel and TFLite: `python tests/recorders/model_files_tensorflow.py`.

Writes `tests/formats/recorded/model_files_tensorflow.json`. Options: see `model_files.py`.
Needs access to a package registry, and 2 GB of disk. Run it in the root of the repository, with PYTHONPATH=.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.recorders.model_files import Answer, Library

if TYPE_CHECKING:
    import random
    from pathlib import Path

DTYPES = ("f2", "f4", "f8", "i1", "i8", "u1", "?")


def make(folder: Path, chance: random.Random) -> None:
    """Models with and without code in each format, and HDF5 files of other programs."""
    import keras  # type: ignore[import-not-found]

    keras.utils.set_random_seed(chance.randint(0, 10**6))
    models = {
        "none-sequential": _sequential(chance),
        "none-functional": _functional(chance),
        "yes-lambda": _with(keras.layers.Lambda(lambda x: x * 2)),
        "yes-custom": _with(_custom_layer()()),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
    models["none-sequential"].save_weights(folder / "none-weights.weights.h5")
    _save_tensorflow(folder, models["none-sequential"])
    _write_hdf5(folder, chance)


def _sequential(chance: random.Random) -> Any:
    import keras
    import numpy as np

    layers = [keras.layers.Input((4,))]
    for _ in range(chance.randint(1, 3)):
        layers += [keras.layers.Dense(chance.randint(1, 5), chance.choice(["relu", None]))]
        if chance.random() < 0.5:
            layers += [keras.layers.BatchNormalization(), keras.layers.Dropout(0.1)]
    model = keras.Sequential([*layers, keras.layers.Dense(2)])
    model.compile(chance.choice(["adam", "sgd", "rmsprop"]), chance.choice(["mse", "mae"]))
    if chance.random() < 0.5:
        model.fit(np.zeros((4, 4)), np.zeros((4, 2)), verbose=0)
    return model


def _functional(chance: random.Random) -> Any:
    import keras

    start = keras.layers.Input((8, 8, 3))
    flow = keras.layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(start)
    flow = keras.layers.Add()([flow, flow])
    if chance.random() < 0.5:
        flow = flow * 2 + 1
    flow = keras.layers.GlobalAveragePooling2D()(flow)
    model = keras.Model(start, keras.layers.Dense(2, "softmax")(flow))
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10) if chance.random() < 0.5 else 0.1
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy", keras.metrics.AUC()])
    return model


def _with(layer: Any) -> Any:
    import keras

    return keras.Sequential([keras.layers.Input((4,)), layer, keras.layers.Dense(1)])


def _custom_layer() -> Any:
    import keras

    @keras.saving.register_keras_serializable(package="mine")
    class Mine(keras.layers.Layer):  # type: ignore[misc]
        """A layer of a program."""

        def call(self, inputs: Any) -> Any:
            return inputs

    return Mine


def _save_tensorflow(folder: Path, model: Any) -> None:
    """Two folders of SavedModel, one of which calls Python, and TFLite in two number types."""
    import tensorflow as tf  # type: ignore[import-untyped]

    model.export(folder / "unknown-exported", verbose=False)

    class Calling(tf.Module):  # type: ignore[misc]
        """Calls Python from a graph."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(tf.ones([2, 3]), name="weight")

        @tf.function(input_signature=[tf.TensorSpec([None, 2])])  # type: ignore[untyped-decorator]
        def __call__(self, value: Any) -> Any:
            return tf.numpy_function(lambda x: x, [value @ self.weight], tf.float32)

    tf.saved_model.save(Calling(), str(folder / "yes-python"))
    for name, options in (("none-float", []), ("none-int8", [tf.lite.Optimize.DEFAULT])):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "unknown-exported"))
        converter.optimizations = options
        (folder / f"{name}.tflite").write_bytes(converter.convert())
    foreign = tf.lite.TFLiteConverter.from_concrete_functions([_foreign()])
    foreign.allow_custom_ops = True
    (folder / "yes-foreign.tflite").write_bytes(foreign.convert())


def _foreign() -> Any:
    """A function with an operator that TFLite does not have itself."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([4, 4])])  # type: ignore[untyped-decorator]
    def digamma(value: Any) -> Any:
        return tf.math.digamma(value) + tf.constant([1.0, 2.0, 3.0, 4.0])

    return digamma.get_concrete_function()


def _write_hdf5(folder: Path, chance: random.Random) -> None:
    """Files of any program: nested groups, both generations of the format, filters, strings, links."""
    import h5py  # type: ignore[import-not-found]
    import numpy as np

    for version, name in (("earliest", "none-old"), ("latest", "none-new")):
        with h5py.File(folder / f"{name}.hdf5", "w", libver=version) as file:
            # The latest version keeps the links of a group in a heap if there are more than 8.
            for number in range(
                chance.choice(
                    [5, 25, 99, chance.randint(1, 1500)][: 4 if chance.random() < 0.3 else 3]
                )
            ):
                shape = [chance.randint(0, 5) for _ in range(chance.randint(0, 3))]
                file[f"g{number % 3}/d{number}"] = np.zeros(shape, chance.choice(DTYPES))
            file["again"] = file["g0/d0"]
            file["soft"] = h5py.SoftLink("/g0/d0")
            file.create_dataset("packed", data=np.zeros((99, 9)), chunks=(9, 9), compression="gzip")
            file["empty"] = h5py.Empty("f4")
    with h5py.File(folder / "unknown-text.hdf5", "w") as file:
        file["text"] = "a text"
        file["bytes"] = np.array([b"ab", b"cd"])
        file.attrs["model_config"] = "{}"
    with h5py.File(folder / "unknown-link.hdf5", "w", libver="latest") as file:
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")


def answer(path: Path) -> Answer | None:
    """What the reader of the format says."""
    if path.suffix in {".h5", ".hdf5"}:
        return _hdf5_answer(path)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return _hdf5_answer(io.BytesIO(archive.read("model.weights.h5")))
    if path.suffix == ".tflite":
        return _tflite_answer(path)
    if path.name == "variables.index":
        return _checkpoint_answer(path.with_suffix(""))
    if (path / "saved_model.pb").exists():
        return _checkpoint_answer(path / "variables" / "variables")
    return None


def _hdf5_answer(path: Any) -> Answer:
    import h5py

    found: list[tuple[str, int]] = []

    def visit(_: str, one: Any) -> None:
        if isinstance(one, h5py.Dataset):
            kind = "string" if one.dtype.kind in "SO" else str(one.dtype)
            found.append((kind, one.size or 0))

    with h5py.File(path) as file:
        file.visititems(visit)
    return _counted(found)


def _tflite_answer(path: Path) -> Answer:
    from tensorflow.lite.python import (  # type: ignore[import-untyped]
        schema_py_generated as schema,
    )

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    names = {value: name for name, value in vars(schema.TensorType).items() if name.isupper()}
    found = [
        (names[one.type], math.prod([] if one.shape is None else map(int, one.shape)))
        for graph in model.subgraphs
        for one in graph.tensors
        if model.buffers[one.buffer].data is not None and len(model.buffers[one.buffer].data)
    ]
    return _counted(found)


def _checkpoint_answer(prefix: Path) -> Answer:
    import tensorflow as tf
    from tensorflow.core.framework import types_pb2  # type: ignore[import-untyped]

    reader = tf.train.load_checkpoint(str(prefix))
    kinds, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
    names = types_pb2.DataType.Name
    return _counted(
        [
            (names(kind.as_datatype_enum), math.prod(shapes[name]))
            for name, kind in kinds.items()
            if kind != tf.string
        ]
    )


def _counted(found: list[tuple[str, int]]) -> Answer:
    return {
        "tensors": len(found),
        "parameters": sum(elements for _, elements in found),
        "dtypes": dict(Counter(kind for kind, _ in found)),
    }


if __name__ == "__main__":
    endings = (".tflite", "variables.index", ".h5", ".keras")
    packages = ("tensorflow-cpu", "keras", "h5py")
    Library("tensorflow", packages, make, answer, endings).main()
