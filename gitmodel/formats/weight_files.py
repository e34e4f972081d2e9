"""Recognizes weights by a file's name and first bytes, for files that no pointer names.

The result is a guess: whether weights are about to be committed to Git itself.
"""

from __future__ import annotations

from gitmodel.domain.text.lazy_regex import lazy_compile

HEAD_SIZE = 512  # bytes from the start of a file that `has_head` looks at

_ENDINGS = frozenset(
    {
        *("safetensors", "pt", "pth", "ckpt", "bin", "onnx", "gguf", "ggml", "h5", "hdf5", "keras"),
        *("tflite", "pkl", "pickle", "joblib", "dill", "cloudpickle", "npz", "npy", "msgpack"),
        *("mlmodel", "pb", "engine", "plan", "trt", "ubj", "cbm", "xgb", "lgb", "onnx_data"),
        *("distcp", "tar", "nemo", "mar", "llamafile", "pdparams", "pdopt", "params", "caffemodel"),
        *("weights", "pte", "t7", "th", "orbax", "nnue", "rknn", "mnn", "ptl", "bst"),
    }
)
# Endings after one of the above: a part, a copy, a compressed file (weights.pt.gz, model.bin.1).
_BEHIND = lazy_compile(
    r"gz|zst|xz|bz2|lz4|zip|data|part\d*|tmp|bak|old|orig|new|copy|\d+|data-\d+-of-\d+|"
    r"\d+-of-\d+|index|index-\d+"
)
_TENSORFLOW = lazy_compile(r"data-\d{5}-of-\d{5}")

_HEADS = (
    b"GGUF",
    b"ggml",
    b"\x89HDF\r\n\x1a\n",
    b"\x93NUMPY",
    b"CBM1",  # CatBoost
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",  # PyTorch before it used zip
    *(b"\x80" + bytes([protocol]) + b"\x95" for protocol in (4, 5)),  # a pickle with frames
    *(
        b"\x80" + bytes([protocol]) + follows
        for protocol in (2, 3)
        for follows in (b"}", b"c", b"]")
    ),
)
_ZIP = b"PK\x03\x04"
# Of PyTorch, npz and Keras.
_IN_ZIP = (b"data.pkl", b".npy", b"constants.pkl", b"model.weights.h5", b"byteorder")


def has_name(path: str) -> bool:
    """Whether a file has the name of weights, in upper or lower case."""
    name = path.rpartition("/")[2].casefold()
    _, *endings = name.split(".")
    while endings and endings[-1] not in _ENDINGS and _BEHIND.fullmatch(endings[-1]):
        if _TENSORFLOW.fullmatch(endings[-1]):
            return True
        endings.pop()
    return bool(endings) and endings[-1] in _ENDINGS


def has_head(head: bytes) -> bool:
    """Whether a file begins as weights do, by its first `HEAD_SIZE` bytes."""
    if head.startswith(_HEADS) or head[4:8] == b"TFL3":
        return True
    if head.startswith(_ZIP):
        return any(word in head for word in _IN_ZIP)
    # safetensors: the length of a header in JSON, then that header.
    length = int.from_bytes(head[:8], "little")
    return 2 <= length <= 100_000_000 and head[8:9] == b"{" and b'"' in head[9:16]
