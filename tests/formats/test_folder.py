"""A folder is one model: its shards are summed, the same weights twice are not, and its code is the worst."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.formats.description import CODES, Description
from gitmodel.formats.folder import MAX_FILES, FileOfFolder, describe_folder
from tests.formats.test_onnx import graph, initializer, model, node
from tests.support.formats import gguf_file, pread, safetensors_file
from tests.support.wire import field

if TYPE_CHECKING:
    from collections.abc import Mapping

ONNX = model(field(7, graph(node("Add"), tensors=(initializer("w", [9], 1),))))
CUSTOM = model(field(7, graph(node("Add", "com.example"))))


def describe(files: Mapping[str, bytes | str]) -> Description:
    raw = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
    return describe_folder(
        [FileOfFolder(path, len(data), pread(data)) for path, data in raw.items()]
    )


def weights(elements: int) -> bytes:
    return safetensors_file({"w": bytes(4 * elements)}, dtype="F32")


BERT = json.dumps({"architectures": ["BertModel"], "model_type": "bert"})


def test_a_model_of_hugging_face_is_its_weights_and_its_architecture() -> None:
    found = describe(
        {
            "config.json": BERT,
            "tokenizer.json": '{"version": "1.0"}',
            "README.md": "# a model",
            "vocab.txt": "a\nb\n",
            "model.safetensors": weights(7),
        }
    )

    assert found == Description("safetensors", 1, 7, {"F32": 1}, "BertModel", "none")


def test_shards_are_one_model_and_a_file_of_all_beside_them_is_not_added() -> None:
    found = describe(
        {
            "model-00001-of-00002.safetensors": weights(5),
            "model-00002-of-00002.safetensors": weights(6),
            "model.safetensors.index.json": "{}",
            "consolidated.safetensors": weights(11),
        }
    )

    assert (found.tensors, found.parameters) == (2, 11)


def test_the_same_weights_in_another_format_or_type_are_not_added() -> None:
    found = describe(
        {
            "model.safetensors": weights(9),
            "model.fp16.safetensors": weights(8),
            "onnx/model.onnx": ONNX,
            "onnx/model_int8.onnx": ONNX,
        }
    )

    assert (found.type, found.tensors, found.parameters) == ("safetensors", 1, 9)


def test_parts_of_a_pipeline_are_summed() -> None:
    found = describe({"unet/m.safetensors": weights(9), "vae/m.safetensors": weights(4)})

    assert (found.tensors, found.parameters) == (2, 13)


def test_of_quantized_variants_the_largest_counts() -> None:
    found = describe(
        {"x.Q4_K_M.gguf": gguf_file({"a": bytes(400)}), "x.F16.gguf": gguf_file({"a": bytes(800)})}
    )

    assert (found.type, found.tensors, found.parameters) == ("gguf", 1, 200)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "none"),
        ({"modeling_mine.py": "print(1)"}, "yes"),
        ({"config.json": '{"auto_map": {"AutoModel": "modeling.Mine"}}'}, "yes"),
        ({"tokenizer_config.json": '{"auto_map": {"AutoTokenizer": ["a.b", null]}}'}, "yes"),
        ({"tokenizer_config.json": '{"chat_template": "{{ x }}"}'}, "yes"),
        ({"chat_template.jinja": "{{ x }}"}, "yes"),
        ({"modules.json": '[{"type": "sentence_transformers.models.Pooling"}]'}, "none"),
        ({"modules.json": '[{"type": "os.system"}]'}, "yes"),
        ({"modules.json": "{"}, "unknown"),
        ({"adapter_config.json": '{"peft_type": "LORA", "auto_mapping": null}'}, "none"),
        ({"adapter_config.json": '{"auto_mapping": {"parent_library": "os"}}'}, "yes"),
        ({"model_index.json": '{"_class_name": "P", "vae": ["diffusers", "Vae"]}'}, "none"),
        ({"model_index.json": '{"_class_name": "P", "vae": ["os", "system"]}'}, "yes"),
        ({"model_index.json": '{"_class_name": ["pipeline", "P"]}'}, "yes"),
        ({"config.json": "[" * 100_000}, "unknown"),
        ({"MLmodel": "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n"}, "yes"),
        ({"MLmodel": "flavors:\n  onnx: {}\n"}, "unknown"),
        ({"MLmodel": "&a [*a, *a]"}, "unknown"),
        ({"extra.onnx": CUSTOM}, "yes"),
        ({"extra.dat": b"\0\1\2"}, "unknown"),
    ],
)
def test_code_is_the_worst_of_all_files(files: dict[str, bytes | str], code: str) -> None:
    assert describe({"model.safetensors": weights(1), **files}).code == code


MLMODEL = """\
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    model_path: model.skops
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.skops
    serialization_format: skops
    sklearn_version: 1.9.1
mlflow_version: 3.17.2
model_size_bytes: 9485
model_uuid: 5c9530c99be7425bba4351bab3c3e1e8
signature:
  inputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]'
  params: null
utc_time_created: '2026-11-28 23:03:50.097439'
"""  # as MLflow 3.17.2 writes it


def test_a_model_of_mlflow_is_code() -> None:
    found = describe({"MLmodel": MLMODEL, "conda.yaml": "name: x", "model.skops": b"PK\3\4"})

    assert (found.type, found.code) == ("mlflow", "yes")


NAMES = st.sampled_from(
    [
        *("config.json", "tokenizer_config.json", "modules.json", "model_index.json", "MLmodel"),
        *("keras_metadata.pb", "saved_model.pb", "variables/variables.index", "d/a.safetensors"),
        *(
            "a.safetensors",
            "a.fp16.safetensors",
            "a-00001-of-00002.safetensors",
            ".",
            "a.onnx",
            "é",
        ),
    ]
)
CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.recursive(
        st.none() | st.integers() | st.sampled_from(["a", "os", "class_name"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["architectures", "auto_map", "type", "flavors", "_class_name"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        [weights(3), ONNX, CUSTOM, ONNX[:9], weights(2)[:30], b"!!python/object:os.system x"]
    ),
)


@given(files=st.dictionaries(NAMES, CONTENTS, max_size=5))
def test_any_folder_has_a_description(files: dict[str, bytes | str]) -> None:
    assert describe(files).code in CODES


def test_an_empty_folder_is_unknown() -> None:
    assert describe({}) == Description()


def test_of_too_many_files_no_number_is_told() -> None:
    files: dict[str, bytes | str] = {f"{at}.safetensors": weights(1) for at in range(MAX_FILES + 1)}

    assert describe(files) == Description("safetensors")
