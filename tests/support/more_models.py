"""More published model files, for the long comparison of their descriptions with what libraries say of them.

Each row has what `REAL_MODELS` lacks of the same packages; see there for licences and the cache.
"""

from __future__ import annotations

from tests.support.real_models import RealModel

MORE_MODELS = (
    RealModel(
        "ddddocr-more",
        "1.4.11",
        "ddddocr",
        "ddddocr/",
        {
            "common_det.onnx": "6faa8ea85a8c1a634e5050c4a138fca10f30194e0d7abbe9ade1fcd423af6ed6",
            "common_old.onnx": "b1d5e1344954355b10b40632062b8a9def06bcc33229fb667274662bf31dcf3f",
        },
    ),
    RealModel(
        "ddddocr-more",
        "1.6.1",
        "ddddocr",
        "ddddocr/",
        {
            "common_det.onnx": "6faa8ea85a8c1a634e5050c4a138fca10f30194e0d7abbe9ade1fcd423af6ed6",
            "common_old.onnx": "b8f2ad9cbc1f2e3922a6cb9459e30824e7e2467f3fb4fd61420640e34ea0bf68",
        },
    ),
    RealModel(
        "silero-vad-more",
        "5.1.2",
        "silero-vad",
        "silero_vad/data/",
        {
            "silero_vad.onnx": "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f",
            "silero_vad_half.onnx": "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769",
        },
    ),
    RealModel(
        "silero-vad-more",
        "6.0.0",
        "silero-vad",
        "silero_vad/data/",
        {
            "silero_vad.onnx": "597d30b3ec076608d059477bb14cfeffdf951bf5cae370d38f65d33bbfe82004",
            "silero_vad_16k_op15.onnx": "794ed8a51d4f37faf0555383aa34dbaeeb83e3031a1df1e0351c457e1142bd3e",
            "silero_vad_half.onnx": "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769",
        },
    ),
    RealModel(
        "silero-vad-more",
        "6.2.3",
        "silero-vad",
        "silero_vad/data/",
        {
            "silero_vad_16k_op15.onnx": "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
            "silero_vad_16k_sequence.onnx": "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
            "silero_vad_half.onnx": "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769",
            "silero_vad_op18_ifless.onnx": "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
            "silero_vad_openvino_16k.onnx": "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87",
        },
    ),
    RealModel(
        "basic-pitch-more",
        "0.4.0",
        "basic-pitch",
        "basic_pitch/saved_models/icassp_2022/",
        {
            "nmp.mlpackage/Data/com.apple.CoreML/model.mlmodel": "af7bf7d49bc167e0bf0c30aa2ca6b432c3e10df048d2dd4173ff3a738c020858",
            "nmp.onnx": "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec",
            "nmp.tflite": "3db297d54af8e01c6e5618245c956b1d71b6a2b978cb2dedb527173186552676",
        },
    ),
)
