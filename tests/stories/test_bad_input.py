"""Every wrong input ends with one message, a hint and the right exit code; never with a traceback."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import build_team, kept_team, start_team
from tests.support.kept import Kept
from tests.support.models import model
from tests.support.repo import Repo

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.stories.conftest import Team


def build_fraud(folder: Path) -> Repo:
    """The team, and Ana has committed the weights of a model."""
    ana = build_team(folder)
    ana.write("fraud.bin", model(seed=1))
    ana.gitmodel("add", "fraud.bin")
    ana.git("commit", "-qm", "fraud")
    return ana


def build_pushed(folder: Path) -> Repo:
    """She has pushed as well, and Ben has a clone."""
    ana = build_fraud(folder)
    ana.git("push", "-q")
    kept_team(folder, ana).join("ben")
    return ana


COMMITTED, PUSHED = Kept(build_fraud), Kept(build_pushed)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = COMMITTED.folder_for(request, "committed", tmp_path)
    return PUSHED.folder_for(request, "damaged", folder)


@pytest.fixture
def committed(tmp_path: Path) -> Repo:
    """Ana's clone, with one version of a model in a commit."""
    return COMMITTED.repo()


def refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    """The command said no, in words, and told what to run."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_no_repository(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    refused(Repo(folder).gitmodel("status", check=False), "Git repository", "hint: git init")


def test_not_set_up(repo: Repo) -> None:
    repo.write("a.bin", b"x")
    refused(repo.gitmodel("add", "a.bin", check=False), "hint: gitmodel init")
    refused(repo.gitmodel("status", check=False), "hint: gitmodel init")


def test_no_commit_yet(repo: Repo, tmp_path: Path) -> None:
    repo.gitmodel("init", str(tmp_path / "store"))
    repo.write("a.bin", b"weights")
    repo.gitmodel("add", "a.bin")
    repo.gitmodel("status")
    repo.gitmodel("log", "a")
    repo.gitmodel("push")
    refused(repo.gitmodel("show", "a@git:HEAD", check=False), "HEAD")


def test_missing_weights(team: Team) -> None:
    ana = team.members["ana"]
    refused(ana.gitmodel("add", "nothing.bin", check=False), "nothing.bin does not exist")


def test_weights_outside_the_repository(team: Team, tmp_path: Path) -> None:
    (tmp_path / "outside.bin").write_bytes(b"x")
    ana = team.members["ana"]
    refused(ana.gitmodel("add", "../outside.bin", check=False), "not inside the repository")


def test_weights_behind_a_link(team: Team, tmp_path: Path) -> None:
    (tmp_path / "outside.bin").write_bytes(b"x")
    ana = team.members["ana"]
    os.symlink(tmp_path / "outside.bin", ana.path / "link.bin")

    refused(ana.gitmodel("add", "link.bin", check=False), "symbolic link", "--follow")
    ana.gitmodel("add", "--follow", "link.bin")


def test_weights_that_git_tracks(team: Team) -> None:
    ana = team.members["ana"]
    ana.write("small.bin", b"x")
    ana.git("add", "small.bin")
    ana.git("commit", "-qm", "small")
    refused(ana.gitmodel("add", "small.bin", check=False), "tracked by Git", "git rm -r --cached")


@pytest.fixture
def pointed(committed: Repo) -> Callable[[str, str], Repo]:
    """Ana's clone, with one piece of text of the fraud pointer replaced and its check renewed."""

    def make(old: str, new: str) -> Repo:
        from gitmodel.domain.digest import digest_of

        ana = committed
        text = ana.read("fraud.model.yaml").decode()
        assert old in text
        changed = text.replace(old, new)
        head, _, _ = changed.partition("check:")
        body = head[head.index("gitmodel: 1") :]
        check = digest_of(body.encode()).hex[:16]
        ana.write("fraud.model.yaml", f'{head}check: "{check}"\n')
        return ana

    return make


@pytest.mark.parametrize(
    "path",
    [
        "../outside.bin",
        "/etc/passwd",
        "a/../../b",
        ".git/config",
        ".GIT/hooks/pre-commit",
        "C:\\\\\\\\evil",
        "a\\\\u0000b",
        "NUL",
    ],
)
def test_a_path_that_leaves_its_folder(pointed: Callable[[str, str], Repo], path: str) -> None:
    ana = pointed('path: "fraud.bin"', f'path: "{path}"')
    before = sorted(p.as_posix() for p in ana.path.parent.rglob("*") if ".git/" not in p.as_posix())

    refused(ana.gitmodel("checkout", "--force", check=False), "fraud.model.yaml")

    after = sorted(p.as_posix() for p in ana.path.parent.rglob("*") if ".git/" not in p.as_posix())
    assert after == before


def test_a_link_in_the_way_of_a_checkout(team: Team, tmp_path: Path) -> None:
    """The class of CVE-2025-26625: content written through a link in the work tree."""
    ana = team.members["ana"]
    ana.write("models/fraud.bin", model(seed=1))
    ana.gitmodel("add", "models/fraud.bin")
    victim = tmp_path / "victim"
    victim.mkdir()
    text = ana.read("models/fraud.model.yaml")
    shutil.rmtree(ana.path / "models")
    os.symlink(victim, ana.path / "models")
    (victim / "fraud.model.yaml").write_bytes(text)

    ana.gitmodel("checkout", "--force", check=False)

    assert [p.name for p in victim.iterdir()] == ["fraud.model.yaml"]


def test_a_link_as_the_final_name_is_replaced_not_written_through(
    committed: Repo, tmp_path: Path
) -> None:
    ana = committed
    victim = tmp_path / "victim.bin"
    victim.write_bytes(b"precious")
    (ana.path / "fraud.bin").unlink()
    os.symlink(victim, ana.path / "fraud.bin")

    ana.gitmodel("checkout", "--force")

    assert victim.read_bytes() == b"precious"
    assert ana.read("fraud.bin") == model(seed=1)
    assert not (ana.path / "fraud.bin").is_symlink()


def test_two_pointers_of_one_name(pointed: Callable[[str, str], Repo]) -> None:
    ana = pointed("version: 1", "version: 1")
    ana.write("copy/fraud.model.yaml", ana.read("fraud.model.yaml"))
    ana.git("add", "copy")
    refused(ana.gitmodel("checkout", check=False), "two pointers are called fraud", "gitmodel mv")


def test_a_name_that_is_taken(pointed: Callable[[str, str], Repo]) -> None:
    ana = pointed("version: 1", "version: 1")
    ana.write("other/fraud.bin", b"other")
    refused(
        ana.gitmodel("add", "other/fraud.bin", check=False),
        "a model fraud already exists at",
        "--name",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not: [closed", "fraud.model.yaml"),
        ("gitmodel: 1\nname: x\nname: y\n", "fraud.model.yaml"),
        ("a: &a [x]\nb: *a\n", "fraud.model.yaml"),
        ("a: !!python/object/apply:os.system [id]\n", "fraud.model.yaml"),
        ("[" * 100_000, "fraud.model.yaml"),
        ("x: " + "y" * 100_000, "fraud.model.yaml"),
        ("<<<<<<< HEAD\nversion: 1\n=======\nversion: 2\n>>>>>>> x\n", "conflict"),
        ("gitmodel: 2\n", "supports format 1, not 2"),
    ],
    ids=["broken", "duplicate", "alias", "tag", "brackets", "large", "conflict", "newer"],
)
def test_a_pointer_that_does_not_parse(
    pointed: Callable[[str, str], Repo], text: str, words: str
) -> None:
    ana = pointed("version: 1", "version: 1")
    ana.write("fraud.model.yaml", text)
    refused(ana.gitmodel("checkout", check=False), words)
    shown = ana.gitmodel("status", check=False)
    assert shown.returncode == 1
    assert "Traceback" not in shown.stderr


def test_one_broken_pointer_does_not_stop_the_others(team: Team) -> None:
    ana = team.members["ana"]
    for name in ("one", "two"):
        ana.write(f"{name}.bin", name)
        ana.gitmodel("add", f"{name}.bin")
    ana.write("one.model.yaml", "broken: [")
    (ana.path / "two.bin").unlink()
    ana.gitmodel("checkout", "two")
    assert ana.read("two.bin") == b"two"


def test_unknown_keys_are_kept(pointed: Callable[[str, str], Repo]) -> None:
    ana = pointed("check:", "zebra: {stripes: 7}\ncheck:")
    ana.write("fraud.bin", model(seed=2))
    ana.gitmodel("add", "fraud.bin")
    assert "zebra:" in ana.read("fraud.model.yaml").decode()


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("frud", "did you mean fraud?"),
        ("fraud@9", "there are fraud@1"),
        ("fraud@nothing", "no alias 'nothing'"),
        ("fraud@git:nothing", "nothing"),
        ("fraud@blake3:00000000", "fraud"),
        ("fraud@blake3:00", "8"),
        ("../fraud", "name"),
    ],
)
def test_an_unknown_reference_names_the_nearest(
    pointed: Callable[[str, str], Repo], reference: str, words: str
) -> None:
    ana = pointed("version: 1", "version: 1")
    ana.git("checkout", "-q", ".")
    refused(ana.gitmodel("show", reference, check=False), words, "hint: ")


def test_a_secret_in_the_configuration_is_refused_and_not_shown(team: Team) -> None:
    ana = team.members["ana"]
    ana.write(
        ".gitmodel.yaml",
        'gitmodel: 1\nproject: "ana"\nid: "01234567"\n'
        'remote: {url: "s3://bucket/x", secret: "hunter2hunter2"}\n',
    )
    done = ana.gitmodel("status", check=False)
    refused(done, ".gitmodel.yaml")
    assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/x",
        "github://a/b",
        "simplecache::s3://bucket/x",
        "s3://user:secret@bucket/x",
        "s3://bucket/../x",
        "S3://bucket/x",
        "s3://",
    ],
)
def test_an_address_outside_the_allow_list(repo: Repo, url: str) -> None:
    done = repo.gitmodel("init", url, check=False)
    refused(done)
    assert not (repo.path / ".gitmodel.yaml").exists()


def test_weights_in_no_store_are_never_overwritten(committed: Repo) -> None:
    ana = committed
    ana.write("fraud.bin", b"not saved anywhere")

    refused(ana.gitmodel("checkout", check=False), "stored nowhere else", "--force")

    assert ana.read("fraud.bin") == b"not saved anywhere"
    ana.gitmodel("checkout", "--force")
    assert ana.read("fraud.bin") == model(seed=1)


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Repo, Path]:
    """Ben has a clone, Ana has pushed; tests damage the remote in between."""
    return Repo(tmp_path / "ben"), tmp_path / "store"


@pytest.mark.parametrize("kind", ["packs", "manifests"])
@pytest.mark.parametrize("damage", ["truncate", "empty", "flip", "missing"])
def test_a_damaged_remote_is_noticed_and_nothing_is_written(
    damaged: tuple[Repo, Path], kind: str, damage: str
) -> None:
    ben, store = damaged
    (target,) = list(store.glob(f"{kind}/*/*"))
    raw = target.read_bytes()
    match damage:
        case "truncate":
            target.write_bytes(raw[: len(raw) // 2])
        case "empty":
            target.write_bytes(b"")
        case "flip":
            target.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        case _:
            assert damage == "missing"
            target.unlink()

    refused(ben.gitmodel("checkout", check=False), "fraud", "hint: ")

    assert not (ben.path / "fraud.bin").exists()
    checked = ben.gitmodel("verify", "--full", check=False)
    assert checked.returncode == 1
    if damage != "missing":
        assert target.exists(), "readers never delete"


def test_a_damaged_cache_heals_from_the_remote(damaged: tuple[Repo, Path]) -> None:
    ben, _ = damaged
    ben.gitmodel("checkout")
    (pack,) = list((ben.path / ".git/gitmodel/packs").glob("*/*"))
    raw = bytearray(pack.read_bytes())
    raw[-1] ^= 1
    pack.write_bytes(raw)
    (ben.path / "fraud.bin").unlink()

    done = ben.gitmodel("checkout")

    assert ben.read("fraud.bin") == model(seed=1)
    assert "fetching it again" in done.stderr


def test_no_space_left(team: Team) -> None:
    """A file-size limit of the process: EFBIG where a full disk is ENOSPC."""
    import subprocess
    import sys

    ana = team.members["ana"]
    ana.write("fraud.bin", os.urandom(3_000_000))
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000));"
        "sys.argv = ['gitmodel', 'add', 'fraud.bin'];"
        "from gitmodel.cli.main import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ana.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    refused(done, "the limit of this shell, 1,000,000 bytes", "hint: ulimit -f unlimited")
    assert not (ana.path / "fraud.model.yaml").exists()
    ana.gitmodel("add", "fraud.bin")


def test_an_unreachable_endpoint(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    done = repo.gitmodel("init", "s3://bucket/x", check=False)
    refused(done, "127.0.0.1:9")
    assert not (repo.path / ".gitmodel.yaml").exists()


@pytest.mark.s3
def test_a_missing_bucket_and_wrong_credentials(
    repo: Repo, s3_server: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.servers import S3Server

    assert isinstance(s3_server, S3Server)
    bucket = f"s3://{s3_server.shared}"
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    refused(repo.gitmodel("init", "s3://no-such-bucket-here/x", check=False), "no-such-bucket-here")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    refused(repo.gitmodel("init", bucket, check=False), bucket.removeprefix("s3://"))
    assert not (repo.path / ".gitmodel.yaml").exists()


def test_pushing_elsewhere_with_the_embedded_default_is_refused(tmp_path: Path) -> None:
    ana = Repo.create(tmp_path / "ana")
    done = ana.gitmodel("init")
    assert "gitmodel remote add" in done.stdout + done.stderr
    ana.write("fraud.bin", model(seed=1))
    ana.gitmodel("add", "fraud.bin")
    ana.git("commit", "-qm", "fraud")

    pushed = ana.gitmodel(
        "hook",
        "pre-push",
        "origin",
        "git@example.org:team/models.git",
        check=False,
        input_text=f"refs/heads/main {ana.head()} refs/heads/main {'0' * 40}\n",
    )

    assert pushed.returncode == 10
    assert "gitmodel remote add s3://" in pushed.stderr


def test_nothing_is_uploaded_to_a_strangers_bucket_before_one_says_yes(
    team: Team, tmp_path: Path
) -> None:
    ana = team.members["ana"]
    text = ana.read(".gitmodel.yaml").decode()
    ana.write(".gitmodel.yaml", text.replace(team.url, str(tmp_path / "strangers")))
    ana.git("commit", "-qam", "another remote")
    ana.write("fraud.bin", model(seed=1))
    ana.gitmodel("add", "fraud.bin")
    ana.git("commit", "-qm", "fraud")

    pushed = ana.git("push", "-q", check=False)

    assert pushed.returncode != 0
    assert "gitmodel remote trust" in pushed.stderr
    assert not (tmp_path / "strangers").exists()


def test_an_interrupted_push_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Half of the packs arrive, the rest fails; the second push sends only that."""
    team = start_team(tmp_path, str(tmp_path / "store"))
    ana = team.members["ana"]
    ana.write("big.bin", os.urandom(40_000_000))
    ana.gitmodel("add", "big.bin")
    ana.git("commit", "-qm", "big")
    packs = sorted((ana.path / ".git/gitmodel/packs").glob("*/*"))
    assert len(packs) >= 4
    sound = packs[-1].read_bytes()
    packs[-1].write_bytes(bytes(len(sound)))
    weights = (ana.path / "big.bin").rename(tmp_path / "weights")  # they would be stored again
    failed = ana.git("push", "-q", check=False)
    assert failed.returncode != 0
    arrived = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "store").glob("packs/*/*")}
    assert arrived
    packs[-1].write_bytes(sound)
    weights.rename(ana.path / "big.bin")

    ana.git("push", "-q")

    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "store").glob("packs/*/*")}
    assert len(after) == len(packs)
    assert {name: after[name] for name in arrived} == arrived, "sent again"
