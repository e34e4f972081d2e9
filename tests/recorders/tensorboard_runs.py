"""Writes random runs with one writer of event files, and records what TensorBoard reads back.

Started by `tensorboard.py` beside it, in an environment that has the writer, with `python -P`:

    tensorboard_runs.py WRITER SEED COUNT

Writes a folder for each run below the working directory, and `answers.json`. The answers are those of
`EventAccumulator`: the last value of each scalar tag by step and time, of each folder of each run.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import random
import signal
import struct
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

TAGS = ("loss", "val/loss", "größe 🚀", "a.b", "x" * 300, "acc top-1", "_lr", "train/metric")
VALUES = (
    *(math.nan, math.inf, -math.inf, 0.0, -0.0, 0.9, 0.1, 1e-45, 1.1754944e-38, 3.4028235e38),
    *(1e-3, 16777217.0, 2.0**24, 1 / 3, -1e-9, 100, 1e20),
)
T = 1_700_000_000.0


class Chance(random.Random):
    """Random numbers of a run."""

    def value(self) -> float:
        """A value of a scalar, often a special one."""
        bits = struct.pack("<I", self.getrandbits(32))
        anything = float(struct.unpack("<f", bits)[0])
        return self.choice((*VALUES, anything, self.random(), round(self.random(), 3)))

    def step(self) -> int | None:
        """A step, in no order."""
        return self.choice((None, 0, self.randrange(5), self.randrange(100), 1 << 40))


def write_with_class(writer_class: Any, folder: Path, chance: Chance, *, torch: bool) -> None:
    """Write a run with a `SummaryWriter`, in one or two sessions."""
    sessions = chance.choice((1, 1, 2))
    # A restart voids later steps. `EventAccumulator` forgets that for tensors, so they have none.
    tensors = torch and sessions == 1
    new_style = {tag for tag in TAGS if tensors and chance.random() < 0.3}
    purge = None
    for session in range(sessions):
        writer = writer_class(str(folder), purge_step=purge, filename_suffix=f".{session}")
        for _ in range(chance.randrange(40)):
            tag = chance.choice(TAGS)
            options: dict[str, Any] = {}
            if tag in new_style:
                options = {"new_style": True, "double_precision": chance.random() < 0.5}
            time = T + chance.randrange(100) + chance.random()
            writer.add_scalar(tag, chance.value(), chance.step(), walltime=time, **options)
        if chance.random() < 0.3:
            writer.add_text("text", chance.choice(("note", "x" * (2 << 20))), 1)
        if chance.random() < 0.3:
            writer.add_scalars("group", {"a": 1, "b": chance.value()}, 1)
        if chance.random() < 0.3:
            params = {"lr": 0.1, "batch size": 32, "optimizer": "adam", "amp": True, "größe": "ä"}
            writer.add_hparams(params, {"hparam/acc": 0.75, "hparam/loss": chance.value()})
        writer.close()
        purge = chance.randrange(20) if chance.random() < 0.7 else None


def write_with_tensorflow(summary: Any, folder: Path, chance: Chance) -> None:
    """Write a run as Keras does: tensors, in parts of the run."""
    for part in chance.choice(([""], ["train", "validation"])):
        writer = summary.create_file_writer(str(folder / part))
        with writer.as_default():
            for _ in range(chance.randrange(1, 40)):
                summary.scalar(chance.choice(TAGS), chance.value(), chance.step() or 0)
            if chance.random() < 0.3:
                summary.text("text", "note", 1)
                summary.histogram("histogram", [0.0, 1.0], 1)
        writer.close()


def write(writer: str, folder: Path, chance: Chance) -> None:
    """Write one run."""
    if writer == "tensorflow":
        tensorflow = importlib.import_module("tensorflow")
        write_with_tensorflow(tensorflow.summary, folder, chance)
        return
    name = {"torch": "torch.utils.tensorboard"}.get(writer, writer)
    writer_class = importlib.import_module(name).SummaryWriter
    write_with_class(writer_class, folder, chance, torch=writer == "torch")


def write_and_be_killed(writer: str, folder: Path, chance: Chance) -> None:
    """Write a run in a process that is killed without closing its writer."""
    name = {"torch": "torch.utils.tensorboard"}.get(writer, writer)
    child = os.fork()
    if child == 0:
        opened = importlib.import_module(name).SummaryWriter(str(folder))
        for step in range(chance.randrange(1, 2000)):
            opened.add_scalar("loss", chance.random(), step, walltime=T + step)
        if chance.random() < 0.5:
            opened.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def damage(folder: Path, chance: Chance) -> None:
    """Cut a file of the run, or flip a bit of it."""
    file = chance.choice(sorted(path for path in folder.rglob("*tfevents*") if path.is_file()))
    raw = bytearray(file.read_bytes())
    if not raw:
        return
    if chance.random() < 0.6:
        raw = raw[: chance.randrange(len(raw))]
    else:
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    file.write_bytes(raw)


def read_back(folder: Path) -> dict[str, Any]:
    """What TensorBoard reads from one folder; numbers are text, of as few digits as identify them."""
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    numpy = importlib.import_module("numpy")
    tensors = importlib.import_module("tensorboard.util.tensor_util")
    read = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    read.Reload()
    last: dict[str, tuple[Any, str]] = {}
    for tag in read.Tags()["scalars"]:
        for one in read.Scalars(tag):
            keep(last, tag, (one.step, one.wall_time), str(numpy.float32(one.value)))
    for tag in plugin_tags(read, "scalars"):
        for one in read.Tensors(tag):
            number = tensors.make_ndarray(one.tensor_proto)
            keep(last, tag, (one.step, one.wall_time), str(number[()]))
    return {"scalars": {tag: text for tag, (_, text) in last.items()}, "hparams": hparams(read)}


def plugin_tags(read: Any, plugin: str) -> dict[str, bytes]:
    """The tags of a plugin, and its bytes for each."""
    try:
        return dict(read.PluginTagToContent(plugin))
    except KeyError:
        return {}


def keep(last: dict[str, tuple[Any, str]], tag: str, when: Any, text: str) -> None:
    """Keep a value if it is the last one by step and time."""
    if tag not in last or when >= last[tag][0]:
        last[tag] = (when, text)


def hparams(read: Any) -> dict[str, Any] | None:
    """The hyperparameters of a session, as the plugin reads them."""
    metadata = importlib.import_module("tensorboard.plugins.hparams.metadata")
    content = plugin_tags(read, "hparams")
    if metadata.SESSION_START_INFO_TAG not in content:
        return None
    found = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    return {
        name: getattr(value, str(value.WhichOneof("kind"))) for name, value in found.hparams.items()
    }


def main(writer: str, seed: str, count: str) -> None:
    """Run as the docstring of this file says."""
    packages = {"tensorflow": "tensorflow-cpu"}
    answers: dict[str, Any] = {
        "versions": {name: version(packages.get(name, name)) for name in (writer, "tensorboard")},
        "runs": {},
    }
    for number in range(int(count)):
        chance = Chance(f"{seed} {number}")
        run = Path(f"run-{number:03}")
        if writer != "tensorflow" and number % 10 == 9:
            write_and_be_killed(writer, run, chance)
        else:
            write(writer, run, chance)
        if number % 5 == 4:
            damage(run, chance)
        folders = sorted({path.parent for path in run.rglob("*tfevents*")})
        answers["runs"][run.name] = {
            folder.relative_to(run).as_posix(): read_back(folder) for folder in folders
        }
    Path("answers.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
