"""A run made weights if they were written while it ran, or up to ten minutes later."""

from __future__ import annotations

from gitmodel.project.runs.evidence import Choice, choose_run
from gitmodel.trackers.run_metadata import RunMetadata, RunStatus


def run(
    run_id: str,
    start: float = 100,
    end: float | None = 200,
    *,
    status: RunStatus = "finished",
    parent: str | None = None,
    auc: float | None = 0.9,
) -> RunMetadata:
    metrics = {} if auc is None else {"auc": auc}
    return RunMetadata(
        "mlflow",
        run_id,
        status=status,
        parent=parent,
        metrics=metrics,
        started=start,
        ended=end,
    )


def test_the_times_decide() -> None:
    one = run("a")

    assert choose_run([one], 100) == choose_run([one], 800) == Choice(one)
    assert choose_run([one], 99) == choose_run([one], 801) == Choice()


def test_runs_that_did_not_finish_are_never_chosen() -> None:
    others: list[RunStatus] = ["running", "failed", "killed", "deleted", "unknown"]

    assert choose_run([run("a", status=status) for status in others], 150) == Choice()
    assert choose_run([run("a", end=None)], 150) == Choice()


def test_of_two_candidates_neither_is_chosen() -> None:
    runs = [run("a"), run("b", 150, 300)]

    assert choose_run(runs, 180) == Choice(None, tuple(runs))
    assert choose_run(runs, 120).run == runs[0]


def test_a_nested_run_is_chosen_if_its_parent_logged_nothing() -> None:
    parent, child = run("p", auc=None), run("c", 150, 180, parent="p")

    assert choose_run([parent, child], 170).run == child


def test_a_nested_run_is_not_chosen_if_its_parent_logged_metrics() -> None:
    parent, child = run("p"), run("c", 150, 180, parent="p")

    assert choose_run([parent, child], 170) == Choice(None, (parent, child))


def test_several_nested_runs_are_rivals() -> None:
    parent = run("p", auc=None)
    children = [run("a", parent="p"), run("b", parent="p")]

    assert choose_run([parent, *children], 170) == Choice(None, tuple(children))


def test_a_run_during_which_weights_were_written_counts_before_one_that_had_ended() -> None:
    before, during = run("a", 100, 200), run("b", 210, 400)

    assert choose_run([before, during], 300).run == during


def test_a_run_of_other_weights_is_not_chosen() -> None:
    assert choose_run([run("a")], 150, {"a"}) == Choice()
    assert choose_run([run("a"), run("b")], 150, {"a"}).run == run("b")
