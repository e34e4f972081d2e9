"""Records files of safetensors and GGUF with the real libraries: `python tests/recorders/model_files_weights.py`.

Writes `tests/formats/recorded/model_files_weights.json`. Options: see `model_files.py`.
Needs access to a package registry. Run it in the root of the repository, with PYTHONPATH=.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.recorders.model_files import Answer, Library

if TYPE_CHECKING:
    import random
    from pathlib import Path

TYPES = ("float32", "float16", "float64", "int8", "int64", "int32", "uint8", "bool", "complex64")
QUANTIZED = ("Q8_0", "Q4_0", "Q5_1", "BF16", "TQ1_0")


def make(folder: Path, chance: random.Random) -> None:
    """Weights of random types and shapes; GGUF with and without a chat template."""
    from safetensors.numpy import save_file  # type: ignore[import-not-found]

    tensors = {f"w{number}": _array(chance) for number in range(chance.randint(1, 9))}
    metadata = chance.choice([None, {"format": "np"}, {"modelspec.architecture": "mine"}])
    save_file(tensors, folder / "none-weights.safetensors", metadata)
    save_file({}, folder / "none-empty.safetensors", {"format": "np"})
    for name in ("none-plain", "yes-template", "none-vocabulary"):
        _write_gguf(folder / f"{name}.gguf", name, chance)


def _array(chance: random.Random) -> Any:
    import numpy as np

    shape = [chance.randint(0, 5) for _ in range(chance.randint(0, 4))]
    return np.zeros(shape, chance.choice(TYPES))


def _write_gguf(path: Path, name: str, chance: random.Random) -> None:
    import gguf  # type: ignore[import-not-found]
    import numpy as np

    writer = gguf.GGUFWriter(path, chance.choice(["llama", "bert", "qwen2"]))
    writer.add_block_count(chance.randint(1, 9))
    writer.add_token_list([f"token {number}" for number in range(chance.randint(1, 99))])
    writer.add_token_scores([0.5] * 3)
    if name == "yes-template":
        template: Any = "{{ messages }}"
        named = [{"name": "default", "template": template}, {"name": "tools", "template": template}]
        writer.add_chat_template(chance.choice([template, named]))
    if name != "none-vocabulary":
        for number in range(chance.randint(1, 9)):
            array = np.ones((chance.randint(1, 3), 256 * chance.randint(1, 2)), np.float32)
            kind = gguf.GGMLQuantizationType[chance.choice(QUANTIZED)]
            if chance.random() < 0.5:
                writer.add_tensor(f"w{number}", array)
            else:
                writer.add_tensor(f"w{number}", gguf.quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def answer(path: Path) -> Answer | None:
    """What the reader of the format says."""
    if path.suffix == ".gguf":
        return _gguf_answer(path)
    if path.suffix != ".safetensors":
        return None
    from safetensors import safe_open  # type: ignore[import-not-found]

    with safe_open(path, "numpy") as file:
        slices = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118  (no mapping)
        return _counted([(one.get_dtype(), one.get_shape()) for one in slices])


def _counted(found: list[tuple[str, Any]]) -> Answer:
    import math

    return {
        "tensors": len(found),
        "parameters": sum(math.prod(shape) for _, shape in found),
        "dtypes": dict(Counter(kind for kind, _ in found)),
    }


def _gguf_answer(path: Path) -> Answer:
    import gguf

    reader = gguf.GGUFReader(path)
    found = _counted(
        [(one.tensor_type.name, [int(size) for size in one.shape]) for one in reader.tensors]
    )
    return {**found, "arch": reader.get_field("general.architecture").contents()}


if __name__ == "__main__":
    packages = ("safetensors", "gguf", "numpy")
    Library("weights", packages, make, answer, (".safetensors", ".gguf")).main()
