"""What happened to models on a branch: every event once, with who brought it, who merged it, and why."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.instant import parse_when
from gitmodel.domain.reference import Reference
from gitmodel.errors import RepositoryError, UnknownReferenceError, UsageError
from gitmodel.workflows.audit import AuditRow, audit
from gitmodel.workflows.deprecate import deprecate, undo_deprecation
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.promote import promote
from gitmodel.workflows.rm import remove_model
from gitmodel.workflows.rollback import rollback
from tests.support.desk import Desk, digest, kept_desk, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.project.project import Project

pytestmark = pytest.mark.slow


def work(desk: Desk, message: str, *steps: Callable[[Project], object]) -> None:
    """Do something with the project, and commit it."""
    for step in steps:
        with desk.open() as project:
            step(project)
    desk.repo.commit(message)


def to(
    number: int | str, alias: str = "production", **options: object
) -> Callable[[Project], object]:
    def step(project: Project) -> object:
        return promote(project, Reference.parse(f"fraud@{number}"), alias, **options)  # type: ignore[arg-type]

    return step


def three_versions(desk: Desk) -> None:
    """Versions 1 to 3 of fraud, pushed."""
    for number in (1, 2, 3):
        desk.version(f"weights {number}".encode(), metrics=[f"auc=0.{number}"])
    desk.push()


ana = kept_desk(three_versions)


def events(desk: Desk, name: str | None = "fraud", **options: str) -> list[AuditRow]:
    with desk.open() as project:
        return list(audit(project, name, **options).rows)


def told(desk: Desk, name: str | None = "fraud", **options: str) -> list[str]:
    return [line(row) for row in events(desk, name, **options)]


def line(row: AuditRow) -> str:
    before = "-" if row.before is None else row.before.version
    after = "-" if row.after is None else row.after.version
    model = row.name if row.alias is None else f"{row.name}@{row.alias}"
    return f"{row.event} {model} {before} {after}: {row.why}"


REGISTERED = [
    "registered fraud - 1: fraud 1",
    "registered fraud 1 2: fraud 2",
    "registered fraud 2 3: fraud 3",
]


def test_every_kind_of_event_is_listed_in_order(ana: Desk) -> None:
    def by_hand(_project: Project) -> object:
        return ana.alias("production", 1, b"weights 1", forced="the night before the fair")

    work(ana, "Serve 2", to(2, why="the first"))
    work(ana, "Serve 3", to(3))
    work(ana, "Back", lambda project: rollback(project, "fraud", "production", why="it was slow"))
    work(ana, "Metrics", lambda _: ana.add(metrics=["auc=0.35"]))
    work(ana, "No 1", lambda project: deprecate(project, Reference.parse("fraud@1"), "leaked"))
    work(ana, "1 again", lambda project: undo_deprecation(project, Reference.parse("fraud@1")))
    work(ana, "No alias", to("none"))
    work(ana, "Undone", lambda project: rollback(project, "fraud", "production"))
    work(ana, "Serve 1", by_hand)

    assert told(ana) == [
        *REGISTERED,
        "promoted fraud@production - 2: the first",
        "promoted fraud@production 2 3: Serve 3",
        "rolled-back fraud@production 3 2: it was slow",
        "metrics-changed fraud 3 3: Metrics",
        "deprecated fraud - 1: leaked",
        "deprecated fraud 1 -: 1 again",
        "removed fraud@production 2 -: No alias",
        "rolled-back fraud@production - 2: Undone",
        "promoted fraud@production 2 1: Serve 1",
        "forced fraud@production 2 1: the night before the fair",
    ]


def test_an_event_has_its_commit_people_and_contents(ana: Desk) -> None:
    ana.repo.git("switch", "-qc", "promote")
    ana.repo.git("config", "user.name", "Grace")
    work(ana, "Serve 2", to(2))
    ana.repo.git("switch", "-q", "main")
    ana.repo.git("config", "user.name", "Ben")
    ana.repo.git("merge", "-q", "--no-ff", "-m", "Merge promote", "promote")

    (row,) = [one for one in events(ana) if one.event == "promoted"]

    assert (row.by, row.merged_by) == ("Grace <ana@example.org>", "Ben <ana@example.org>")
    assert (row.commit, row.why, row.signed) == (ana.repo.head(), "Serve 2", "none")
    assert row.before is None
    assert row.after is not None
    assert row.after.digest == str(digest(b"weights 2"))
    made = int(ana.repo.git("log", "-1", "--format=%ct").stdout)
    assert parse_when(row.time).start == made


def test_what_a_branch_did_is_one_event_of_its_merge(ana: Desk) -> None:
    """The versions between are in `gitmodel log`; the branch never had them at its tip."""
    ana.repo.git("switch", "-qc", "exp")
    for number in (4, 5):
        ana.version(f"weights {number}".encode())
    ana.repo.git("switch", "-q", "main")
    ana.repo.git("merge", "-q", "--no-ff", "-m", "Merge exp", "exp")

    assert told(ana)[3:] == ["registered fraud 3 5: fraud 5"]


def test_a_revert_takes_a_registration_back(ana: Desk) -> None:
    ana.repo.git("revert", "--no-edit", "HEAD")

    assert told(ana)[3:] == ['rolled-back fraud 3 2: Revert "fraud 3"']


def test_a_model_that_is_removed_and_one_that_is_renamed(ana: Desk) -> None:
    work(ana, "Serve 2", to(2))
    work(ana, "No 1", lambda project: deprecate(project, Reference.parse("fraud@1"), "leaked"))
    work(ana, "Rename", lambda project: rename_model(project, "fraud", new_name="risk"))
    before = told(ana, "risk")
    assert before == told(ana, "fraud")
    assert before == [
        *REGISTERED,
        "promoted fraud@production - 2: Serve 2",
        "deprecated fraud - 1: leaked",
    ]

    work(
        ana,
        "Remove",
        lambda project: promote(project, Reference.parse("risk@none"), "production"),
        lambda project: remove_model(project, "risk"),
    )

    assert told(ana, "risk")[5:] == [
        "removed risk 3 -: Remove",
        "removed risk@production 2 -: Remove",
    ]
    assert told(ana, None) == told(ana, "risk")


def test_the_log_of_all_models_has_each_event_once(ana: Desk) -> None:
    ana.version(b"spam", path="spam.bin")
    work(ana, "Serve 2", to(2))

    assert told(ana, None) == [
        *REGISTERED,
        "registered spam - 1: spam 1",
        "promoted fraud@production - 2: Serve 2",
    ]


def test_since_a_revision_is_what_a_push_brought(ana: Desk) -> None:
    before = ana.repo.head()
    work(ana, "Serve 2", to(2))

    assert told(ana, None, since=before) == ["promoted fraud@production - 2: Serve 2"]
    assert told(ana, None, since=before) == told(ana, "fraud", since=before)
    assert told(ana, None, since="HEAD") == []
    assert len(told(ana, None, since="0" * 40)) == 4


def test_since_a_revision_that_is_no_ancestor_is_what_it_lacks(ana: Desk) -> None:
    work(ana, "Serve 2", to(2))
    gone = ana.repo.head()
    ana.repo.git("reset", "-q", "--hard", "HEAD~1")
    work(ana, "Serve 1", to(1))

    assert told(ana, None, since=gone) == ["promoted fraud@production - 1: Serve 1"]


def test_since_a_date_takes_the_clock_of_the_branch(ana: Desk) -> None:
    time = events(ana)[1].time

    assert told(ana, since=time) == REGISTERED[1:]
    assert told(ana, since=time[:10]) == REGISTERED
    assert told(ana, since="2026-01-01") == []


def test_what_is_not_known_is_refused(ana: Desk) -> None:
    assert refusal(UnknownReferenceError, lambda: events(ana, since="nowhere")) == (
        'Git knows no revision "nowhere", and it is no date such as 2026-05-06',
        "git fetch, or git fetch --unshallow",
    )
    assert refusal(UsageError, lambda: events(ana, since="2026-05-06T10:00"))[1] == (
        "name the zone: 2026-05-06T10:00Z, or +02:00 for Z"
    )
    assert refusal(UnknownReferenceError, lambda: events(ana, "frau")) == (
        "no model is called 'frau' on main",
        "did you mean fraud?",
    )


def test_a_shallow_clone_lists_what_it_knows_and_says_so(ana: Desk) -> None:
    time = events(ana)[0].time
    ben = Desk(ana.repo.clone("ben", "--depth", "2"), ana.store)

    assert told(ben) == REGISTERED[2:]
    assert len(ben.notes) == 1
    assert ben.notes[0].endswith(
        "so older events are not known; to fetch all: git fetch --unshallow"
    )
    assert refusal(RepositoryError, lambda: events(ben, since=time))[1] == "git fetch --unshallow"


def test_a_file_that_does_not_parse_is_no_event(ana: Desk) -> None:
    work(ana, "Serve 2", to(2))
    for path in ("fraud.model.yaml", "fraud.production.alias.yaml"):
        text = ana.repo.read(path)
        ana.repo.write(path, text + b"version: 9\n")
        ana.repo.commit("broken")
        ana.repo.write(path, text)
        ana.repo.commit("repaired")

    assert told(ana) == [*REGISTERED, "promoted fraud@production - 2: Serve 2"]


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
def test_a_signature_is_told_as_git_sees_it(ana: Desk) -> None:
    key = ana.repo.path.with_name("key")
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)],  # noqa: S607
        check=True,
    )
    for name, value in (("gpg.format", "ssh"), ("user.signingKey", str(key))):
        ana.repo.git("config", name, value)
    with ana.open() as project:
        promote(project, Reference.parse("fraud@2"), "production")
    ana.repo.git("commit", "-q", "-S", "-m", "Serve 2")

    allowed = key.with_name("allowed")
    allowed.write_text("")
    ana.repo.git("config", "gpg.ssh.allowedSignersFile", str(allowed))
    unknown = [row.signed for row in events(ana)]
    allowed.write_text(f"ana@example.org {key.with_suffix('.pub').read_text()}")
    good = [row.signed for row in events(ana)]

    assert unknown == ["none", "none", "none", "unknown-key"]
    assert good == ["none", "none", "none", "good"]
