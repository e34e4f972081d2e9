"""Whatever the network does: never wrong bytes, never success with work missing, and it heals.

A proxy that fails on purpose stands between gitmodel and a real S3 server. Waits between tries are
left out, their number is not. Random faults are seeded; a failure shows the seed.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from gitmodel.domain.digest import Digest, digest_of
from gitmodel.encoding.manifest.manifest import Manifest
from tests.stories.conftest import start_team
from tests.support.faults import Chance, Fault, Kind, Proxy, Request, bad_network, never
from tests.support.forked import Forks, Ran
from tests.support.repo import Repo
from tests.support.servers import S3Server, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.s3

RANDOM_RUNS = 200 if os.environ.get("GITMODEL_TESTS_PROFILE") == "deep" else 4
MOST_TRIES = 8
# A pack whose first request failed in obstore is asked for by the usual way in the same try, which
# then says what is the matter (gitmodel/backends/cloud/fast_path.py).
QUICK_WAY = 1
WEIGHTS = os.urandom(9_000_000)  # two packs
LIMIT = 64 * 2**20


@dataclass
class Kept:
    """Built once: Ana has committed and not pushed, Ben has cloned what she pushed later."""

    folder: Path
    bucket: str


@dataclass
class Shop:
    """One test's copies of the clones, and the network that they use.

    Attributes:
        ana: Has a version that is on no remote yet; her remote is empty.
        ben: Has no weights yet; his remote has them.
        bucket: Where Ana's weights go.
        network: Between them and the store.
    """

    ana: Repo
    ben: Repo
    bucket: str
    network: Proxy
    forks: Forks

    def push(self, *, read_timeout: float | None = None) -> Ran:
        return self._run(self.ana, "push", read_timeout)

    def checkout(self, *, read_timeout: float | None = None) -> Ran:
        return self._run(self.ben, "checkout", read_timeout)

    def _run(self, repo: Repo, verb: str, read_timeout: float | None) -> Ran:
        env = {"AWS_ENDPOINT_URL_S3": self.network.url}
        return self.forks.run(repo.path, verb, env=env, patient=False, read_timeout=read_timeout)


_kept: list[Kept] = []


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks("gitmodel.backends.s3.service") as running:
        yield running


@pytest.fixture(scope="module")
def network(s3_server: S3Server) -> Iterator[Proxy]:
    with bad_network(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def kept(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, s3_server: S3Server
) -> Kept:
    """Also gives the test the credentials of the server."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    if not _kept:
        _kept.append(build(tmp_path_factory.mktemp("network"), s3_server))
    return _kept[0]


@pytest.fixture
def shop(tmp_path: Path, kept: Kept, network: Proxy, forks: Forks) -> Shop:
    # Not a bucket each: SeaweedFS sets up volumes for every one.
    bucket = f"{kept.bucket}/{tmp_path.name}"
    ana = Repo(Path(shutil.copytree(kept.folder / "ana", tmp_path / "ana", symlinks=True)))
    for path in (".gitmodel.yaml", ".git/config"):
        ana.write(path, ana.read(path).decode().replace(f"{kept.bucket}/models", bucket))
    ben = Repo(Path(shutil.copytree(kept.folder / "ben", tmp_path / "ben", symlinks=True)))
    network.use(never)
    return Shop(ana, ben, bucket, network, forks)


def build(folder: Path, server: S3Server) -> Kept:
    bucket = server.new_bucket()
    team = start_team(folder / "team", f"{bucket}/models")
    ana = team.members["ana"]
    ana.write("fraud.bin", WEIGHTS)
    ana.gitmodel("add", "fraud.bin")
    ana.git("commit", "-qm", "fraud")
    shutil.copytree(ana.path, folder / "ana", symlinks=True)
    ana.git("push", "-q")
    shutil.copytree(team.join("ben").path, folder / "ben", symlinks=True)
    return Kept(folder, bucket)


# What must hold


def objects(shop: Shop) -> dict[str, bytes]:
    """Everything on Ana's remote."""
    remote = Remote.from_value(shop.bucket, where="test")
    with closing(open_backend(remote, OpenOptions(trusted=True))) as backend:
        keys = [info.key for info in backend.list("")]
        return {key: backend.read(key, limit=LIMIT) for key in keys}


def check(shop: Shop, *, complete: bool) -> None:
    """Every object is what its name says, a manifest has its packs, a claim its manifest."""
    found = objects(shop)
    manifests, claims = 0, 0
    for key, data in found.items():
        name = key.rpartition("/")[2]
        match key.partition("/")[0]:
            case "packs":
                assert digest_of(data).hex == name
            case "manifests":
                manifests += 1
                manifest = Manifest.from_bytes(data, expected=Digest.from_hex(name))
                assert all(f"packs/{pack[:2]}/{pack}" in found for pack in manifest.packs)
            case "versions":
                claims += 1
                assert manifests, "claimed before the manifest was there"
            case _:
                pass
    if complete:
        assert (manifests, claims) == (1, 1)


def published(done: Ran, shop: Shop) -> None:
    assert done.code == 0, done.err
    check(shop, complete=True)


def placed(done: Ran, shop: Shop) -> None:
    assert done.code == 0, done.err
    assert shop.ben.read("fraud.bin") == WEIGHTS


def refused(done: Ran, *words: str) -> None:
    assert done.code == 1, done.out + done.err
    assert "Traceback" not in done.err
    assert "hint: " in done.err
    for word in words:
        assert word in done.err


# Rules


def once(fault: Fault, method: str, part: str = "") -> Callable[[Request], Fault | None]:
    """The first request of each object fails."""
    return lambda asked: (
        fault if asked.method == method and part in asked.path and asked.tries == 1 else None
    )


def always(fault: Fault, method: str, part: str = "") -> Callable[[Request], Fault | None]:
    return lambda asked: fault if asked.method == method and part in asked.path else None


PASSING = {
    "500": Fault(Kind.STATUS, status=500),
    "503": Fault(Kind.STATUS, status=503),
    "429": Fault(Kind.STATUS, status=429),
    "lost": Fault(Kind.LOST),
    "cut at once": Fault(Kind.CUT, after=0),
    "cut": Fault(Kind.CUT, after=1000),
}


@pytest.mark.parametrize(
    ("name", "method"),
    [*((name, method) for name in PASSING for method in ("GET", "PUT")), ("503", "HEAD")],
)
def test_a_push_gets_through_when_each_object_fails_once(
    name: str, method: str, shop: Shop
) -> None:
    shop.network.use(once(PASSING[name], method))
    published(shop.push(), shop)


@pytest.mark.parametrize("after", [0, 1, 5_000_000])
def test_an_upload_that_breaks_on_its_way_is_sent_again(after: int, shop: Shop) -> None:
    shop.network.use(once(Fault(Kind.CUT_UPLOAD, after=after), "PUT"))
    published(shop.push(), shop)


@pytest.mark.parametrize("part", ["packs", "manifests", "versions", "gitmodel.json", "gc/intents"])
def test_an_upload_that_changes_on_its_way_is_sent_again(part: str, shop: Shop) -> None:
    """Also where the server does not compare the signed hash of the body, as SeaweedFS."""
    shop.network.use(once(Fault(Kind.FLIP_UPLOAD, after=30), "PUT", part))
    published(shop.push(), shop)


@pytest.mark.parametrize("after", [0, 1, 1000, 4_000_000])
@pytest.mark.parametrize("kind", [Kind.CUT, Kind.FLIP, Kind.TRUNCATE, Kind.STATUS])
def test_a_download_that_breaks_or_changes_on_its_way_is_made_again(
    kind: Kind, after: int, shop: Shop
) -> None:
    shop.network.use(once(Fault(kind, after=after), "GET"))
    placed(shop.checkout(), shop)


@pytest.mark.parametrize("part", ["packs", "manifests"])
@pytest.mark.parametrize("kind", [Kind.FLIP, Kind.TRUNCATE])
def test_a_download_that_is_wrong_each_time_is_refused_and_nothing_is_placed(
    kind: Kind, part: str, shop: Shop
) -> None:
    shop.network.use(always(Fault(kind, after=77), "GET", part))

    refused(shop.checkout(), "fraud", "damaged")

    assert not (shop.ben.path / "fraud.bin").exists()
    shop.network.use(never)
    placed(shop.checkout(), shop)


@pytest.mark.parametrize(
    ("part", "kind"),
    [("packs", Kind.STATUS), ("manifests", Kind.STATUS), ("versions", Kind.CUT), ("", Kind.LOST)],
)
def test_a_push_that_never_gets_through_says_so_and_asks_at_most_eight_times(
    part: str, kind: Kind, shop: Shop
) -> None:
    shop.network.use(always(Fault(kind), "PUT", part))

    refused(shop.push(), shop.network.url)

    # aiohttp sends a request again by itself when a connection that it kept turns out to be closed.
    below = 1 if kind is Kind.STATUS else 2
    assert shop.network.most_tries("PUT") <= MOST_TRIES * below + QUICK_WAY
    check(shop, complete=False)
    shop.network.use(never)
    published(shop.push(), shop)


@pytest.mark.parametrize("part", ["packs", "manifests"])
def test_a_checkout_that_never_gets_through_says_so_and_asks_at_most_eight_times(
    part: str, shop: Shop
) -> None:
    shop.network.use(always(Fault(Kind.STATUS, status=503), "GET", part))

    refused(shop.checkout(), "fraud", shop.network.url)

    assert shop.network.most_tries("GET") <= MOST_TRIES + QUICK_WAY
    assert not (shop.ben.path / "fraud.bin").exists()
    shop.network.use(never)
    placed(shop.checkout(), shop)


def test_what_is_forbidden_is_not_tried_again(shop: Shop) -> None:
    shop.network.use(always(Fault(Kind.STATUS, status=403), "PUT", "packs"))

    refused(shop.push(), "s3:PutObject", shop.bucket)

    assert shop.network.most_tries("PUT") <= 1 + QUICK_WAY
    check(shop, complete=False)


def test_a_failed_upload_keeps_git_from_moving_the_ref(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", shop.network.url)
    shop.ana.write("fraud.bin", os.urandom(1000))
    shop.ana.git("commit", "-qam", "train")
    before = shop.ana.git("ls-remote", "origin", "main").stdout
    shop.network.use(always(Fault(Kind.STATUS, status=403), "PUT", "packs"))

    done = shop.ana.git("push", check=False)

    assert done.returncode != 0
    assert "s3:PutObject" in done.stderr
    assert shop.ana.git("ls-remote", "origin", "main").stdout == before


@pytest.mark.parametrize("part", ["versions", "manifests", "gitmodel.json", "packs"])
def test_a_lost_answer_to_a_create_is_not_taken_for_a_loss(part: str, shop: Shop) -> None:
    shop.network.use(once(Fault(Kind.LOST), "PUT", part))

    done = shop.push()

    published(done, shop)
    assert "already" not in done.err


def test_d7_an_interrupted_push_sends_only_the_rest(shop: Shop) -> None:
    shop.network.use(always(Fault(Kind.STATUS, status=403), "PUT", "manifests"))
    refused(shop.push())
    shop.network.use(never)

    published(shop.push(), shop)

    sent = [path for method, path in shop.network.asked if method == "PUT"]
    assert not [path for path in sent if "/packs/" in path]


@pytest.mark.parametrize("verb", ["push", "checkout"])
def test_a_connection_that_is_refused_ends_within_seconds(verb: str, shop: Shop) -> None:
    repo = shop.ana if verb == "push" else shop.ben
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    started = time.monotonic()

    done = shop.forks.run(repo.path, verb, env={"AWS_ENDPOINT_URL_S3": url})

    refused(done, url)
    assert time.monotonic() - started < 10
    assert not (shop.ben.path / "fraud.bin").exists()


@pytest.mark.parametrize("verb", ["push", "checkout"])
def test_a_silent_server_is_asked_again_after_the_read_timeout(verb: str, shop: Shop) -> None:
    part, method = ("manifests", "PUT") if verb == "push" else ("packs", "GET")
    shop.network.use(once(Fault(Kind.STALL), method, part))
    started = time.monotonic()

    if verb == "push":
        published(shop.push(read_timeout=1), shop)
    else:
        placed(shop.checkout(read_timeout=1), shop)

    assert 1 <= time.monotonic() - started < 20


@pytest.mark.parametrize("rate", [0.05, 0.3])
@pytest.mark.parametrize("seed", range(RANDOM_RUNS))
def test_random_faults_never_give_wrong_bytes_or_false_success(
    seed: int, rate: float, shop: Shop
) -> None:
    shop.network.use(Chance(seed, rate))
    done = shop.push()
    shop.network.use(never)
    check(shop, complete=done.code == 0)
    if done.code:
        refused(done)
        published(shop.push(), shop)
    assert done.code == 0 or rate > 0.05, done.err

    shop.network.use(Chance(seed, rate))
    done = shop.checkout()
    shop.network.use(never)
    if done.code:
        refused(done, "fraud")
        assert not (shop.ben.path / "fraud.bin").exists()
        done = shop.checkout()
    placed(done, shop)
