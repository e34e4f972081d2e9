"""What `gitmodel gate` prints: a table, Markdown that a hostile branch cannot break out of, JSON, and exit codes."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.cli.gate_output import MARK, check_document, check_markdown, error_markdown
from gitmodel.domain.gates.rules import Baseline, GateReport, Limit, Rule, judge
from gitmodel.domain.reference import Reference
from gitmodel.errors import PointerError, RepositoryError
from gitmodel.project.gates.ci_base import Base
from gitmodel.project.gates.judged import GateCheck, JudgedChange
from gitmodel.project.gates.registration import BaselineVersion
from gitmodel.workflows.promote import promote
from tests.support.desk import Desk, digest, kept_desk
from tests.support.ungated import ungated

if TYPE_CHECKING:
    from gitmodel.domain.metrics import Metric

GATES = """
better: {auc: higher, logloss: lower}
gates:
  fraud:
    register: {auc: {min: 0.9}, logloss: {worsen_by: "1%"}}
    promote: {production: {auc: {improve_by: 0.002}}}
"""


def gated(desk: Desk) -> None:
    """A gate, fraud 1 in production, and on the branch `request` a worse version 2."""
    desk.repo.write(".gitmodel.yaml", desk.repo.read(".gitmodel.yaml").decode() + GATES)
    desk.repo.commit("gates")
    desk.version(b"one", metrics=("auc=0.93", "logloss=0.17"))
    desk.push()
    with desk.open() as project:
        promote(project, Reference.parse("fraud@1"), "production", delivery="commit")
    desk.repo.git("switch", "-qc", "request")
    ungated(desk, b"two", metrics=("auc=0.89", "logloss=0.17"))


ana = kept_desk(gated)


def answered(desk: Desk, *words: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    done = desk.repo.gitmodel("gate", *words, check=False, env=env)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_the_whole_output_of_a_refusal(ana: Desk) -> None:
    main = ana.repo.head("main")[:10]

    assert answered(ana, "--base", "main") == (
        3,
        (
            f"against main at {main} (--base)\n"
            "change    against  metric   before  after  difference  rule          verdict\n"
            "fraud v2  v1       auc      0.93    0.89   -0.04       min 0.9       refuse: at least 0.9 is needed\n"
            "fraud v2  v1       logloss  0.17    0.17   0           worsen by 1%  pass\n"
        ),
        (
            "error: fraud v2: the gate refuses it\n"
            "hint: let other weights meet the rules, or change gates on the base first\n"
        ),
    )


@pytest.mark.slow
def test_the_base_is_said_always(ana: Desk) -> None:
    main = ana.repo.head("main")[:10]
    ana.repo.git("switch", "-q", "main")

    assert answered(ana, "-q", "--base", "main") == (
        0,
        f"against main at {main} (--base)\nnothing to judge: no version and no alias is changed\n",
        "",
    )
    assert answered(ana)[1].splitlines()[0] == f"against HEAD ({main})"


@pytest.mark.slow
def test_the_json_of_a_refusal(ana: Desk) -> None:
    code, output, errors = answered(ana, "--base", "main", "--json")

    assert (code, errors) == (3, "")
    assert json.loads(output) == {
        "base": "main",
        "base_commit": ana.repo.head("main"),
        "base_from": "--base",
        "against": f"main at {ana.repo.head('main')[:10]} (--base)",
        "config": {"commit": ana.repo.head("main"), "path": ".gitmodel.yaml"},
        "verdict": "refuse",
        "evidence": "declared",
        "changes": [
            {
                "model": "fraud",
                "kind": "register",
                "alias": None,
                "path": "fraud.model.yaml",
                "candidate": {
                    "version": 2,
                    "digest": str(digest(b"two")),
                    "commit": ana.repo.head(),
                    "metrics": {"auc": 0.89, "logloss": 0.17},
                },
                "baseline": {"reference": "fraud@1", "version": 1, "digest": str(digest(b"one"))},
                "gate": "fraud",
                "rules": [
                    {
                        "metric": "auc",
                        "rule": "min",
                        "limit": "0.9",
                        "better": "higher",
                        "baseline": 0.93,
                        "candidate": 0.89,
                        "delta": "-0.04",
                        "relative": "-0.04301",
                        "verdict": "refuse",
                        "reason": "at least 0.9 is needed",
                    },
                    {
                        "metric": "logloss",
                        "rule": "worsen_by",
                        "limit": "1%",
                        "better": "lower",
                        "baseline": 0.17,
                        "candidate": 0.17,
                        "delta": "0.00",
                        "relative": "0",
                        "verdict": "pass",
                        "reason": None,
                    },
                ],
                "verdict": "refuse",
                "refused": True,
                "forced": None,
                "notes": [],
            }
        ],
        "problems": [],
        "notes": [],
    }


@pytest.mark.slow
def test_the_markdown_of_a_refusal_is_equal_for_equal_commits(ana: Desk) -> None:
    code, output, errors = answered(ana, "--base", "main", "--md")

    assert (code, errors.splitlines()[0]) == (3, "error: fraud v2: the gate refuses it")
    assert output == (
        f"{MARK}\n"
        "**gitmodel gate: refused**\n"
        "\n"
        f"Against `main at {ana.repo.head('main')[:10]} (--base)`.\n"
        "\n"
        "| change | against | metric | before | after | difference | rule | verdict |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| `fraud v2` | `v1` | `auc` | `0.93` | `0.89` | `-0.04` | `min 0.9` "
        "| `refuse: at least 0.9 is needed` |\n"
        "| `fraud v2` | `v1` | `logloss` | `0.17` | `0.17` | `0` | `worsen by 1%` | `pass` |\n"
        "\n"
        f"{MARK}\n"
    )
    assert answered(ana, "--base", "main", "--md")[1] == output


@pytest.mark.slow
def test_in_ci_a_request_is_judged_without_options(ana: Desk) -> None:
    ana.repo.git("update-ref", "refs/remotes/origin/main", "main")

    code, output, _ = answered(ana, env={"CI": "true", "GITHUB_BASE_REF": "main"})

    assert code == 3
    assert output.startswith(
        f"against origin/main at {ana.repo.head('main')[:10]} ($GITHUB_BASE_REF)\n"
    )
    assert answered(ana, env={"CI": "true"}) == (
        2,
        "",
        (
            "error: gitmodel gate: nothing says which branch this request is for\n"
            "hint: gitmodel gate --base REV\n"
        ),
    )
    assert answered(ana, "--min", "auc=0.8", "fraud", env={"CI": "true"})[0] == 0


@pytest.mark.slow
def test_in_ci_nothing_passes_because_the_work_tree_has_no_changes(ana: Desk) -> None:
    environment = {"CI": "true", "GITHUB_BASE_REF": "main"}

    for words in (
        ["--gates", ".gitmodel.yaml"],
        ["--gates", ".gitmodel.yaml", "fraud"],
        ["--min", "auc=0.99"],
    ):
        assert answered(ana, *words, env=environment)[0] == 2
    versions = ("fraud@1", "fraud", "--gates", ".gitmodel.yaml")
    assert answered(ana, *versions, env=environment)[0] == 3


@pytest.mark.slow
def test_a_merge_on_a_laptop_is_not_taken_for_a_forge_s(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    ana.repo.git("merge", "-q", "--no-ff", "--no-edit", "request")

    code, output, _ = answered(ana)

    assert (code, output.splitlines()[0]) == (0, f"against HEAD ({ana.repo.head()[:10]})")


@pytest.mark.slow
def test_a_request_that_cannot_be_judged_has_markdown_too(ana: Desk) -> None:
    code, output, errors = answered(ana, "--base", "nowhere", "--md")

    assert code == 1
    assert output == error_markdown(RepositoryError('"nowhere" is not in this clone'))
    assert errors == 'error: "nowhere" is not in this clone\nhint: git fetch origin\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--base", "main", "--gates", "x.yaml"], "--base goes with names of models"),
        (["--base", "main", "fraud@1"], "--base goes with names of models"),
        (["--base", "main", "--min", "auc=1"], "--base goes with names of models"),
        (["--md", "--json"], "give --md or --json"),
        (["fraud@1", "fraud@2", "fraud"], "give one or two versions"),
        (["--min", "auc"], "cannot be recorded"),
        (["--no-such"], "does not know --no-such"),
    ],
)
def test_wrong_use_ends_with_2(ana: Desk, words: list[str], message: str) -> None:
    code, output, errors = answered(ana, *words)

    assert (code, output) == (2, "")
    assert message in errors


@pytest.mark.slow
def test_by_hand_names_and_versions_are_told_apart(ana: Desk) -> None:
    assert answered(ana, "fraud")[0] == 3
    assert answered(ana, "fraud@1", "fraud")[1].startswith("against fraud@1\n")
    assert answered(ana, "fraud@production")[1].splitlines()[2] == (
        "fraud@production v2  v1       auc     0.93    0.89   -0.04       improve by 0.002  "
        "refuse: at least 0.932 is needed"
    )
    assert answered(ana, "fraud", "--min", "auc=0.5")[0] == 0


@pytest.mark.slow
def test_a_bisection_never_ends_with_another_code(ana: Desk) -> None:
    """Git takes 2 and 3 for a bad commit."""
    bisect = ("--bisect", "--min", "auc=0.9")

    assert answered(ana, "fraud", *bisect) == (
        1,
        "",
        f"fraud v2 in {ana.repo.head()[:10]}: bad: auc 0.89 (at least 0.9 is needed)\n",
    )
    assert answered(ana, "fraud", "--bisect", "--max", "auc=0.9")[0] == 0
    for words in (
        ["fraud", "--bisect"],
        ["fraud@1", *bisect],
        bisect,
        ["fraud", "spam", *bisect],
        ["fraud", "--bisect", "--min", "auc"],
        ["fraud", *bisect, "--base", "main"],
    ):
        assert answered(ana, *words)[0] == 125
    ana.repo.write("fraud.model.yaml", "gitmodel: 1\n")
    ana.repo.commit("broken")
    assert answered(ana, "fraud", *bisect)[0] == 125


# Hostile texts

HOSTILE = [
    "a|b",
    "a`b",
    "``` `` `",
    "\\",
    "\\|",
    "a\n| b |",
    "a\r\n\r\n# heading",
    "<img src=x onerror=alert(1)>",
    "<!-- gitmodel:gate -->",
    "--> <script>",
    "[text](https://evil.example)",
    "![x](https://evil.example/p.png)",
    "https://evil.example",
    "@octocat #1 GH-1 !1 ~label %milestone",
    "&lt;b&gt;",
    "$`x`$",
    "\u202eabc\u2066",
    "\x1b[31mred",
    "~~~",
    " ",
    "",
    "`",
    "x" * 100_000,
]


def judged(metric: str, value: Metric = 0.5, *, notes: tuple[str, ...] = ()) -> JudgedChange:
    rule = Rule(metric, "min", Limit(Decimal("0.9")))
    return JudgedChange(
        model="fraud",
        kind="register",
        version=2,
        digest=digest(b"two"),
        commit="1" * 40,
        metrics={metric: value},
        baseline=BaselineVersion("fraud@1", 1, digest(b"one"), {}),
        gate=GateReport("fraud", "fraud@1", 1, judge((rule,), {metric: value}, Baseline({}))),
        forced=metric,
        notes=notes,
    )


def check(*changes: JudgedChange, text: str = "main") -> GateCheck:
    base = Base(text, "1" * 40, "--base", ("1" * 40,))
    problems = (PointerError(text),) if text != "main" else ()
    return GateCheck(
        base=base,
        against=text,
        config=".gitmodel.yaml",
        config_commit="1" * 40,
        changes=changes,
        problems=problems,
        notes=(text,),
    )


@given(st.text())
def test_no_text_at_all_breaks_out_of_the_markdown(text: str) -> None:
    nothing_breaks_out(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out_of_the_markdown(text: str) -> None:
    nothing_breaks_out(text)


def nothing_breaks_out(text: str) -> None:
    harmless = check_markdown(check(judged("a", "a", notes=("a",)), text="a")).splitlines()
    lines = check_markdown(check(judged(text, text, notes=(text,)), text=text)).splitlines()

    assert (lines[0], lines[-1]) == (MARK, MARK)
    assert sum(MARK in line for line in lines) == 2
    assert len(lines) == len(harmless)
    for line in lines[1:-1]:
        outside = re.sub(r"`[^`]+`", "", line)
        assert "`" not in outside
        assert not re.search(r"[<>\[\]()@#&$\\!~\x00-\x1f]|http", outside)
        assert line.isprintable()
        if line.startswith("|"):
            assert line.count("|") == 9


def test_of_thousands_of_rows_as_many_are_kept_as_a_forge_takes() -> None:
    many = [judged(f"metric-{number}-" + "ü" * 100) for number in range(5_000)]

    text = check_markdown(check(*many))

    assert 30_000 < len(text.encode()) < 65_536
    assert (
        len(re.findall(r"^[0-9,]+ more are in the output of the job\.$", text, re.MULTILINE)) == 2
    )
    assert text.endswith(f"\n{MARK}\n")


def test_what_is_refused_comes_first() -> None:
    rows = check_markdown(check(judged("good", 1), judged("bad", 0.1))).splitlines()[7:9]

    assert [row.split("`")[5] for row in rows] == ["bad", "good"]


def test_numbers_that_json_has_not_are_texts() -> None:
    from gitmodel.cli.json_output import document

    found = json.loads(document(check_document(check(judged("auc", float("nan"))))))

    assert found["changes"][0]["rules"][0]["candidate"] == "NaN"
    assert found["changes"][0]["rules"][0]["relative"] is None
