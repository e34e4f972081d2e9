"""Records stores of MLflow with its real releases: `python tests/recorders/mlflow.py`.

Makes an environment for each release, writes random runs as a SQLite database and as files, serves the
database of the newest release over HTTP, and records stores, responses and the answers of `MlflowClient`
in `tests/trackers/mlflow/recorded/`. The suite reads what was recorded, and needs no MLflow.

    --environments DIR   keep the environments in this folder, or use those that are there
    --compare RUNS       record nothing; write stores of so many runs, and compare the readers of
                         gitmodel with the answers, live
    --seed NUMBER        other random runs

Needs the test dependencies of gitmodel and access to a package registry. Run it in the root of the
repository, with PYTHONPATH=. if gitmodel is not installed from there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
RECORDED = HERE.parent / "trackers" / "mlflow" / "recorded"
# 2.x does not work with SQLAlchemy 2.1; 2.15 needs `pkg_resources`.
RELEASES = {
    "3.17.2": ("mlflow==3.17.2",),
    "2.22.5": ("mlflow==2.22.5", "sqlalchemy<2.1"),
    "2.15.1": ("mlflow==2.15.1", "sqlalchemy<2.1", "setuptools<81"),
}
NEWEST = "3.17.2"
RUNS = 40  # of a recorded store


class Release:
    """One release of MLflow in an environment of its own.

    Args:
        version: The release.
        environments: Folder of the environments.
    """

    def __init__(self, version: str, environments: Path) -> None:
        self.version = version
        self.programs = environments / version / "bin"
        if not (self.programs / "mlflow").exists():
            subprocess.run([sys.executable, "-m", "venv", environments / version], check=True)
            install = [str(self.programs / "pip"), "install", "--quiet", *RELEASES[version]]
            subprocess.run(install, check=True)

    def runs(self, folder: Path, *words: str) -> None:
        """Run `mlflow_runs.py` in a folder."""
        program = [str(self.programs / "python"), "-P", str(HERE / "mlflow_runs.py"), *words]
        process = subprocess.run(
            program, check=False, cwd=folder, env=self._environment(), capture_output=True
        )
        if process.returncode:
            raise SystemExit(process.stderr.decode())

    @contextlib.contextmanager
    def written(self, kind: str, folder: Path, *, seed: int, count: int) -> Iterator[str]:
        """Write a store with its answers; gives its address while it is served."""
        uri = "sqlite:///mlflow.db" if kind.endswith("sqlite") else "mlruns"
        with contextlib.ExitStack() as stack:
            if kind.startswith("rest"):
                uri = stack.enter_context(self.server(uri, folder))
            self.runs(folder, uri, str(seed), str(count), "answers.json")
            yield uri

    @contextlib.contextmanager
    def server(self, uri: str, folder: Path) -> Iterator[str]:
        """Serve a store on this machine; gives the address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            str(self.programs / "mlflow"),
            "server",
            "--backend-store-uri",
            uri,
            "--port",
            str(port),
        ]
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--workers", "1"],
            cwd=folder,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        base = f"http://127.0.0.1:{port}"
        try:
            _wait(f"{base}/health", process)
            yield base
        finally:
            os.killpg(process.pid, 15)
            process.wait()

    def _environment(self) -> dict[str, str]:
        own = {
            "MLFLOW_ALLOW_FILE_STORE": "true",  # refused since 3.13
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        }
        kept = {name: value for name, value in os.environ.items() if "MLFLOW" not in name}
        kept.pop("PYTHONPATH", None)
        return kept | own


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        with contextlib.suppress(OSError), urllib.request.urlopen(url):  # noqa: S310
            return
        if process.poll() is not None:
            break
        time.sleep(0.5)
    raise SystemExit("the server of MLflow did not start")


def record(environments: Path, seed: int) -> None:
    """Rewrite all recorded stores."""
    RECORDED.mkdir(exist_ok=True)
    for old in RECORDED.glob("*.tar.xz"):
        old.unlink()
    for release, kind in stores(environments):
        with tempfile.TemporaryDirectory() as place:
            name = f"{kind}-{release.version}"
            with release.written(kind, Path(place), seed=seed, count=RUNS) as uri:
                kept = "responses.json" if kind.startswith("rest") else uri.rpartition("/")[2]
                if kept == "responses.json":
                    record_responses(uri, Path(place))
            pack(Path(place), name, only=(kept, "answers.json"))


def stores(environments: Path) -> Iterator[tuple[Release, str]]:
    """All stores: two kinds of each release, and two that the newest serves."""
    for version in RELEASES:
        release = Release(version, environments)
        for kind in ("sqlite", "files", "rest-sqlite", "rest-files"):
            if version == NEWEST or not kind.startswith("rest"):
                yield release, kind


def record_responses(base: str, folder: Path) -> None:
    """Record what the server says to each question that gitmodel asks."""
    read = json.loads((folder / "answers.json").read_text("utf-8"))
    said = {"runs/get?run_id=" + "0" * 32: fetch(base, "runs/get?run_id=" + "0" * 32)}
    for run_id, run in read["runs"].items():
        for path in (
            f"runs/get?run_id={run_id}",
            f"experiments/get?experiment_id={run['experiment_id']}",
        ):
            said[path] = fetch(base, path)
    for path, body in searches(read, said):
        said[f"POST {path} {json.dumps(body)}"] = fetch(base, path, body)
    (folder / "responses.json").write_text(json.dumps(said, indent=1), "utf-8")


def searches(
    read: dict[str, Any], said: dict[str, list[Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The questions of `recent_runs` about all experiments; the first is answered before the second."""
    body: dict[str, Any] = {"max_results": 1000, "view_type": "ACTIVE_ONLY"}
    yield "experiments/search", body
    _, answer = said[f"POST experiments/search {json.dumps(body)}"]
    since = int(read["recent"][0]["since"] * 1000)
    yield (
        "runs/search",
        {
            "experiment_ids": [one["experiment_id"] for one in json.loads(answer)["experiments"]],
            "filter": f"attributes.status = 'FINISHED' AND attributes.end_time >= {since}",
            "run_view_type": "ACTIVE_ONLY",
            "max_results": 1000,
            "order_by": ["attributes.start_time DESC"],
        },
    )


def fetch(base: str, path: str, body: Any = None) -> list[Any]:
    """Status and body of one response."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310
        f"{base}/api/2.0/mlflow/{path}", data, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return [response.status, response.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]


def pack(folder: Path, name: str, only: tuple[str, ...]) -> None:
    """Pack a store; the archive has no names of users and no times."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        parts = Path(entry.name).parts
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry if parts[0] in only else None

    with tarfile.open(RECORDED / f"{name}.tar.xz", "w:xz", preset=9) as archive:
        for path in only:
            archive.add(folder / path, path, filter=plain)
    print(f"{name}: {(RECORDED / f'{name}.tar.xz').stat().st_size:,} bytes")  # noqa: T201


def compare(environments: Path, seed: int, count: int) -> bool:
    """Compare the readers of gitmodel with the client, store by store; whether all runs are equal."""
    same = True
    for release, kind in stores(environments):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            with release.written(kind, folder, seed=seed, count=count) as uri:
                same &= report(f"{kind} {release.version}", folder, uri, kind)
    return same


def report(title: str, folder: Path, uri: str, kind: str) -> bool:
    """Compare one store; prints the differences."""
    from gitmodel.trackers.mlflow.open import open_store
    from tests.trackers.mlflow.recorded_stores import answers, comparable, expected

    read = answers(folder)
    store = open_store(uri, folder=str(folder))
    base = uri if kind.startswith("rest") else None
    wrong = []
    for run_id in read["runs"]:
        found = comparable(store.run(run_id))
        wanted = comparable(expected(read, run_id, kind=kind, base=base))
        wrong += [(run_id, name) for name in found if found[name] != wanted[name]]
    for asked in read["recent"]:
        runs = store.recent_runs(asked["experiment"], asked["since"], 1000)
        if [run.run_id for run in runs] != asked["ids"]:
            wrong.append(("recent", str(asked["experiment"])))
    raised = sum(run["raised"] is not None for run in read["runs"].values())
    text = f"{title}: {len(read['runs'])} runs, the client raises for {raised}, wrong: {wrong}"
    print(text, flush=True)  # noqa: T201
    return not wrong


def main() -> None:
    """Run as the docstring of this file says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--compare", type=int)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = chosen.environments or stack.enter_context(tempfile.TemporaryDirectory())
        environments = Path(folder).resolve()
        if chosen.compare:
            sys.exit(not compare(environments, chosen.seed, chosen.compare))
        record(environments, chosen.seed)


if __name__ == "__main__":
    main()
