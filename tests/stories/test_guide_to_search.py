"""The commands of docs/guides/search.md print what the page shows, and its tables are complete.

`GITMODEL_TESTS_UPDATE=1` writes the current output into the page.
"""

from __future__ import annotations

import re
from pathlib import Path

from gitmodel.domain.query.fields import FIELDS, GROUPS
from gitmodel.domain.query.parser import parse
from tests.support.sessions import check_sessions, printed

PAGE = Path(__file__).parents[2] / "docs/guides/search.md"
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# A version of a model in each line: name, run, auc, "val/f1", lr, month.
VERSIONS = """\
churn 45c48cce 0.871 0.790 2e-05 3
fraud 8f14e45f 0.912 0.842 2e-05 4
fraud c9f0f895 0.944 0.861 1e-05 5
fraud 1679091c nan 0.853 1e-05 6
"""
SET_UP = """\
git init --quiet
git config user.name Ada
git config user.email ada@example.org
gitmodel init --quiet ../weights
git add --all
git commit --quiet -m "Set gitmodel up"
mkdir models
while read -r name run auc f1 lr month; do
  export GIT_AUTHOR_DATE="2026-0$month-02T09:00:00Z" GIT_COMMITTER_DATE="2026-0$month-02T09:00:00Z"
  printf 'weights of %s' "$run" > "models/$name.bin"
  gitmodel add --quiet "models/$name.bin" --run-id "$run" -M "auc=$auc" -M "val/f1=$f1" --param "lr=$lr"
  git commit --quiet --all -m "Train $name"
done < ../versions.txt
git init --quiet --bare ../server.git
git remote add origin ../server.git
git push --quiet -u origin main
gitmodel promote --quiet fraud@2 production -m "May hold-out" --commit
gitmodel deprecate --quiet fraud@1 -m "leaked labels"
git commit --quiet --all -m "Deprecate"
git switch --quiet -c longer
printf 'weights of longer' > models/fraud.bin
gitmodel add --quiet models/fraud.bin --run-id e4da3b7f -M auc=0.951 -M val/f1=0.87 --param lr=5e-06
git commit --quiet --all -m "Train longer"
git switch --quiet main
gitmodel checkout --quiet fraud
"""
# Ids of commits; how well weights compress differs with the version of zstd.
VARYING = re.compile(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{10}\b|stored +\d+ B")


def test_the_guide_to_search_shows_what_is_printed(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "versions.txt").write_text(VERSIONS, encoding="utf-8")
    printed(["/bin/sh", "-ec", SET_UP], folder)

    check_sessions(PAGE, lambda script: printed(["/bin/sh", "-c", script], folder), _fixed)


def test_the_guide_to_search_names_every_field_and_its_expressions_parse() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = "".join(line for line in page.splitlines(keepends=True) if line.startswith("| `"))
    tests = [
        text
        for text in re.findall(r"`([^`]+)`", BLOCK.sub("", page))
        if re.match(r"(?:not )?[a-z._]+ (?:=|!=|<|>|is) ", text) and "O.9" not in text
    ]

    assert [name for name in FIELDS if f"| `{name}` |" not in rows] == []
    assert [name for name in GROUPS if f"| `{name}.NAME` |" not in rows] == []
    assert len(tests) > 10
    assert [str(parse(text)) for text in tests]


def _fixed(text: str) -> str:
    return VARYING.sub("_", text)
