"""`gitmodel diff --md` in CI: one call for all models of a request, in a clone of depth 2 that reaches no remote.

With GITMODEL_TESTS_LONG=1 the request has 50 models, otherwise 4.
"""

from __future__ import annotations

import os
import resource
import time
from typing import TYPE_CHECKING

from tests.support.models import model
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
COUNT = 50 if LONG else 4


def test_one_call_compares_all_models_of_a_request(tmp_path: Path) -> None:
    ana = Repo.create(tmp_path / "ana")
    ana.gitmodel("init", "s3://no-such-bucket/models", "--no-check")
    names = [f"m{number}.safetensors" for number in range(COUNT)]
    for auc in ("0.9", "0.91"):
        for number, name in enumerate(names):
            ana.write(name, model(seed=number + int(100 * float(auc))))
        ana.gitmodel("add", *names, "--metric", f"auc={auc}")
        ana.commit(f"train to {auc}")
        if auc == "0.9":
            ana.git("checkout", "-qb", "request")
    ana.git("checkout", "-q", "main")
    ana.git("merge", "-q", "--no-ff", "-m", "Merge", "request")
    job = ana.clone(tmp_path / "job", "--depth=2")
    environment = {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
    }

    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    first = job.gitmodel("diff", "--base", "HEAD^1", "--md", env=environment).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, used = time.monotonic() - start, after.ru_utime - before.ru_utime
    print(f"{seconds:.2f} s, {used:.2f} s of processor")  # noqa: T201

    assert first.count("### `") == COUNT
    assert first.count("| `auc` | `0.9` | `0.91` | `+0.01` | better (known name) |") == COUNT
    assert first.count("gitmodel fetch") == COUNT  # says what is missing
    assert job.gitmodel("diff", "--base", "HEAD^1", "--md", env=environment).stdout == first
