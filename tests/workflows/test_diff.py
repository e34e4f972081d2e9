"""`gitmodel diff` compares two versions without fetching their weights."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Pointer
from gitmodel.errors import UnknownReferenceError, UsageError
from gitmodel.workflows.diff import changed_models, diff, requested_changes
from tests.support.desk import Desk, kept_desk, refusal
from tests.support.models import model, perturbed, safetensors
from tests.support.stores import some_bytes

if TYPE_CHECKING:
    from gitmodel.project.comparing.versions import VersionChange

LAYERS = {
    f"layer.{number}.{part}": (number, part) for number in range(4) for part in ("weight", "bias")
}


def network(seed: int, *, frozen: int = 0) -> dict[str, bytes]:
    """Four layers of a large and a small tensor; the first `frozen` do not depend on the seed."""
    sizes = {"weight": 300_000, "bias": 400}
    return {
        name: some_bytes(sizes[part], 100 * (seed if number >= frozen else 0) + number)
        for name, (number, part) in LAYERS.items()
    }


def two_versions(desk: Desk) -> None:
    """Version 2 of fraud has the lower two layers of version 1, another auc, and a param less."""
    first = network(1)
    first |= {name: data for name, data in network(0).items() if LAYERS[name][0] < 2}
    desk.version(
        safetensors(first), "fraud.safetensors", metrics=["auc=0.3"], params=["lr=0.1", "seed=1"]
    )
    second = network(2, frozen=2)
    desk.version(
        safetensors(second), "fraud.safetensors", metrics=["auc=0.1", "cost=nan"], params=["lr=0.2"]
    )


ana = kept_desk(two_versions)


def compared(desk: Desk, first: str, second: str | None = None) -> VersionChange:
    with desk.open() as project:
        return diff(project, first, second)


def statuses(report: VersionChange) -> dict[str, str]:
    return {one.name: one.status for file in report.weights.files for one in file.tensors or ()}


def test_the_trained_tensors_are_the_changed_ones(ana: Desk) -> None:
    report = compared(ana, "fraud")

    expected = {name: "same" if number < 2 else "changed" for name, (number, _) in LAYERS.items()}
    assert statuses(report) == expected
    assert (report.a.pointer.version, report.b.pointer.version) == (1, 2)


def test_metrics_have_exact_differences_and_directions(ana: Desk) -> None:
    auc, cost = compared(ana, "fraud@1").metrics

    assert (str(auc.delta), auc.better, auc.verdict) == ("-0.2", "higher", "worse")
    assert (cost.a, cost.only_in, cost.verdict) == (None, "b", None)


def test_params_that_differ_are_shown(ana: Desk) -> None:
    lr, seed = compared(ana, "fraud@1", "@2").params

    assert (lr.name, lr.a, lr.b) == ("lr", 0.1, 0.2)
    assert (seed.name, seed.only_in) == ("seed", "a")


def test_a_name_alone_means_production_if_that_is_another_version(desk: Desk) -> None:
    for number in (b"one", b"two", b"three"):
        desk.version(number)
    desk.alias("production", 1, b"one")
    of_production = compared(desk, "fraud")
    desk.alias("production", 3, b"three")
    before = compared(desk, "fraud")

    assert (of_production.a.pointer.version, of_production.a.alias) == (1, "production")
    assert (before.a.pointer.version, before.a.alias) == (2, None)


def test_the_only_version_has_nothing_to_be_compared_with(desk: Desk) -> None:
    desk.version(b"weights")

    message = refusal(UnknownReferenceError, lambda: compared(desk, "fraud"))

    assert message == ("fraud@1 has no version before it", "gitmodel show fraud")


def test_without_manifests_the_rest_is_compared(ana: Desk) -> None:
    with ana.open() as project:
        shutil.rmtree(project.cache_folder)

    report = compared(ana, "fraud")

    assert [metric.name for metric in report.metrics] == ["auc", "cost"]
    assert report.weights.files == ()
    assert len(report.weights.missing) == 2


def test_the_command_prints_what_changed(ana: Desk) -> None:
    done = ana.repo.gitmodel("diff", "fraud@1", "fraud@2")

    assert done.stdout == (
        "fraud v1 -> v2\n"
        "metrics  auc   0.3  0.1  -0.2  worse (known name)\n"
        "         cost  -    nan        only in v2\n"
        "params   lr    0.1  0.2\n"
        "         seed  1    -          only in v1\n"
        "tensors  4 same, 4 changed, 0 added, 0 removed; 300.4 k parameters, F32\n"
        "bytes    1.2 MB, 600.8 kB in changed chunks; v2 takes 601.0 kB of the store that v1 does not\n"
    )


def test_the_command_prints_json(ana: Desk) -> None:
    document = json.loads(ana.repo.gitmodel("diff", "fraud", "--json").stdout)

    assert document["metrics"][1]["b"] == "NaN"
    assert document["tensors"]["same"] == 4
    assert (
        document["bytes"]["size"]
        == {"a": document["bytes"]["size"]["b"]} | document["bytes"]["size"]
    )


@pytest.mark.parametrize("words", [["none@1"], ["fraud@9"], ["fraud@1", "fraud@9"]])
def test_what_does_not_exist_is_refused_as_show_does(ana: Desk, words: list[str]) -> None:
    shown = ana.repo.gitmodel("show", words[-1], check=False)
    done = ana.repo.gitmodel("diff", *words, check=False)

    assert (done.returncode, done.stderr) == (shown.returncode, shown.stderr)


def test_models_of_the_work_tree_are_compared_with_head(ana: Desk) -> None:
    ana.add("fraud.safetensors", safetensors(network(5, frozen=2)), metrics=["auc=0.5"])
    ana.add("churn.bin", b"churn")

    with ana.open() as project:
        found = changed_models(project)

    assert [(one.a.pointer.version, one.b.pointer.version) for one in found.changes] == [(2, 3)]
    assert [side.model.name for side in found.added] == ["churn"]
    assert (found.removed, found.problems) == ((), ())


def test_what_a_request_changes_is_compared_with_its_base(ana: Desk) -> None:
    """A new version, and an alias that means another one."""
    ana.repo.git("branch", "base")
    ana.version(safetensors(network(5, frozen=2)), "fraud.safetensors", metrics=["auc=0.5"])
    ana.version(b"churn", "churn.bin")

    with ana.open() as project:
        found = requested_changes(project, "base")

    assert [(one.a.pointer.version, one.b.pointer.version) for one in found.changes] == [(2, 3)]
    assert [side.model.name for side in found.added] == ["churn"]


def test_a_promotion_is_compared_too(desk: Desk) -> None:
    for number in (b"one", b"two"):
        desk.version(number, metrics=[f"size={len(number)}"])
    desk.alias("production", 1, b"one")
    desk.repo.commit("promote 1")
    desk.alias("production", 2, b"two")
    desk.repo.commit("promote 2")

    with desk.open() as project:
        [change] = requested_changes(project, "HEAD^").changes

    assert [(s.alias, s.pointer.version) for s in (change.a, change.b)] == [
        ("production", 1),
        ("production", 2),
    ]


def test_a_shallow_clone_compares_what_it_has(desk: Desk) -> None:
    """The pointer of the version in production is cut off; its alias has the metrics."""
    desk.version(b"one", metrics=["auc=0.1"], params=["lr=1"])
    desk.alias("production", 1, b"one", metrics={"auc": 0.1})
    desk.repo.commit("promote")
    for number in (b"two", b"three"):
        desk.version(number, metrics=["auc=0.2"], params=["lr=2"])
    clone = desk.join("shallow", "--depth=2")

    report = compared(clone, "fraud")

    assert [(one.name, one.a, one.b) for one in report.metrics] == [("auc", 0.1, 0.2)]
    assert report.params == ()
    assert "only the alias of v1" in clone.repo.gitmodel("diff", "fraud").stdout


def test_markdown_makes_nothing_of_hostile_names(desk: Desk) -> None:
    names = ["a|b", "`x`", "<img src=x>", "[l](http://x)", "@team", "\u202eevil", "**b**"]
    for value in (1, 2):
        metrics = [f"{name}={value}" for name in names if name.isprintable()]
        desk.version(f"weights {value}".encode(), metrics=metrics)

    text = desk.repo.gitmodel("diff", "fraud", "--md").stdout

    rows = [line for line in text.splitlines() if line.startswith("| metric")]
    assert len(rows) == len(names) - 1
    assert {row.count("|") for row in rows} == {7}
    outside = re.sub(r"`[^`\n]*`", "", text)
    assert not [word for word in ("<img", "](", "@team", "**b**") if word in outside]
    assert text == desk.repo.gitmodel("diff", "fraud", "--md").stdout


def test_markdown_folds_after_twenty_rows(desk: Desk) -> None:
    for value in (1, 2):
        metrics = [f"m{number:02}={value}" for number in range(25)]
        desk.version(f"weights {value}".encode(), metrics=metrics)

    text = desk.repo.gitmodel("diff", "fraud", "--md").stdout

    before, _, after = text.partition("<details><summary>5 more</summary>")
    assert (before.count("| metric |"), after.count("| metric |")) == (20, 5)


def test_renamed_tensors_are_added_and_removed_and_counted(desk: Desk) -> None:
    tensors = network(1)
    desk.version(safetensors(tensors), "fraud.safetensors")
    renamed = {f"model.{name}": data for name, data in tensors.items()}
    desk.version(safetensors(renamed), "fraud.safetensors")

    report = compared(desk, "fraud")
    text = desk.repo.gitmodel("diff", "fraud").stdout

    assert list(report.weights.files[0].renamed) == [(name, f"model.{name}") for name in tensors]
    assert "0 same, 0 changed, 8 added, 8 removed" in text
    assert "at least 8 of the added have the bytes of a removed one" in text


def test_a_folder_is_compared_file_by_file(desk: Desk) -> None:
    def version(seed: int, config: bytes, extra: str) -> None:
        desk.repo.write("net/one.safetensors", safetensors(network(1)))
        desk.repo.write("net/two.safetensors", safetensors(network(seed, frozen=3)))
        desk.repo.write("net/config.json", config)
        desk.repo.write(f"net/{extra}", b"words")
        desk.add("net")
        desk.repo.git("commit", "-qm", "net")
        (desk.repo.path / "net" / extra).unlink()

    version(1, b'{"a": 1}', "old.txt")
    version(2, b'{"a": 2}', "new.txt")

    report = compared(desk, "net")
    text = desk.repo.gitmodel("diff", "net").stdout

    status = {file.path: file.status for file in report.weights.files}
    assert status == {
        "config.json": "changed",
        "new.txt": "added",
        "old.txt": "removed",
        "one.safetensors": "same",
        "two.safetensors": "changed",
    }
    assert "files    1 same, 2 changed, 1 added, 1 removed\n" in text
    assert "tensors  14 same, 2 changed, 0 added, 0 removed; 600.8 k parameters, F32\n" in text
    assert "chunks   config.json: 0 same, 1 only in v1, 1 only in v2\n" in text


def test_two_models_are_compared(ana: Desk) -> None:
    ana.version(safetensors(network(2, frozen=2)), "churn.safetensors", metrics=["auc=0.4"])

    text = ana.repo.gitmodel("diff", "fraud@1", "churn").stdout

    assert text.startswith(
        "fraud v1 -> churn v1\nmetrics  auc   0.3  0.4  +0.1  better (known name)\n"
    )
    assert "tensors  4 same, 4 changed, 0 added, 0 removed" in text


def test_equal_contents_need_no_manifest(ana: Desk) -> None:
    with ana.open() as project:
        shutil.rmtree(project.cache_folder)

    text = ana.repo.gitmodel("diff", "fraud@2", "fraud").stdout

    assert "tensors  all the same: both versions have one digest\n" in text


def test_a_pointer_that_says_no_more_than_its_alias_is_a_whole_one(desk: Desk) -> None:
    """Nothing is cut off here, so nothing is said to be."""
    desk.version(b"one")
    pointer = desk.pointer()
    plain = Pointer(
        name="fraud",
        version=1,
        digest=pointer.digest,
        size=3,
        path="fraud.bin",
        chunks=pointer.chunks,
    )
    desk.repo.write("fraud.model.yaml", plain.to_text())
    desk.repo.commit("as plain as can be")
    desk.alias("production", 1, b"one", chunks=pointer.chunks)
    desk.version(b"two", params=["lr=1"])

    report = compared(desk, "fraud@production")

    assert report.bare == ()
    assert [one.name for one in report.params] == ["lr"]


def test_a_job_without_a_request_is_told_to_name_a_base(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")

    done = desk.repo.gitmodel("diff", check=False)

    message = "gitmodel diff: nothing says which branch this request is for"
    assert done.returncode == 2
    assert done.stderr == f"error: {message}\nhint: gitmodel diff --base REV\n"


def test_what_only_all_the_weights_prove_is_not_compared(desk: Desk) -> None:
    """A pointer of an earlier gitmodel does not state its chunks. No weights are fetched for it."""
    desk.version(safetensors(network(1)), "fraud.safetensors")
    older = replace(desk.pointer(), chunks=None)
    desk.repo.write("fraud.model.yaml", older.to_text())
    desk.repo.commit("older")
    desk.version(safetensors(network(2)), "fraud.safetensors")
    desk.push()
    ben = desk.join("ben")
    text = ben.repo.gitmodel("diff", "fraud@1").stdout
    fetched = list((ben.repo.path / ".git/gitmodel/packs").glob("*/*"))
    ben.repo.gitmodel("fetch", "fraud@1", "fraud@2")

    assert "nothing but all the weights of fraud@1 proves which chunks they have" in text
    assert "gitmodel fetch fraud@1 fraud@2\n" in text
    assert fetched == []
    assert "0 same, 8 changed" in ben.repo.gitmodel("diff", "fraud@1").stdout


def test_a_wrong_direction_is_told_and_hides_nothing(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text + "better: {auc: upwards}\n")
    ana.repo.commit("a wrong direction", ".gitmodel.yaml")

    done = ana.repo.gitmodel("diff", "fraud")

    assert "metrics  auc   0.3  0.1  -0.2  worse (known name)\n" in done.stdout
    assert "better.auc must be higher or lower; so no direction of it counts" in done.stderr


def test_a_chunk_that_occurs_twice_counts_twice(desk: Desk) -> None:
    desk.version(safetensors({"a": some_bytes(300_000, 1)}), "net.safetensors", name="net")
    twice = {"a": some_bytes(300_000, 2), "b": some_bytes(300_000, 2)}
    desk.version(safetensors(twice), "net.safetensors")

    change = compared(desk, "net").weights.bytes

    assert change is not None
    assert 600_000 < change.changed <= desk.pointer("net.model.yaml").size


def test_what_differs_is_as_much_in_both_directions(desk: Desk) -> None:
    first = model(seed=1, size=400_000)
    desk.version(first, "net.safetensors", name="net")
    desk.version(perturbed(first), "net.safetensors", name="net")  # stored as a difference

    there = compared(desk, "net@1", "net@2").weights.bytes
    back = compared(desk, "net@2", "net@1").weights.bytes

    assert there is not None
    assert back is not None
    assert there.changed == back.changed > 1000


def test_the_only_model_need_not_be_named(ana: Desk) -> None:
    report = compared(ana, "@1", "@2")
    ana.version(b"churn", "churn.bin")
    message = refusal(UsageError, lambda: compared(ana, "@1", "@2"))

    assert [side.pointer.head[:2] for side in (report.a, report.b)] == [("fraud", 1), ("fraud", 2)]
    assert message == (
        "gitmodel diff: the first version needs the name of its model",
        "gitmodel diff NAME@1 @2",
    )
