"""The pages are complete, and their links and examples work."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gitmodel.domain.config.remote import Remote
from gitmodel.domain.config.repository import Config

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "CHANGELOG.md", ROOT / "README.md"]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    files = {link.partition("#")[0] for link in links if "://" not in link}

    assert [name for name in sorted(files) if name and not (path.parent / name).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_headings(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]*)#([^)\s]+)\)", path.read_text(encoding="utf-8"))
    wanted = [(path.parent / file if file else path, anchor) for file, anchor in links]

    assert [
        link for link in wanted if "://" not in str(link[0]) and link[1] not in anchors(link[0])
    ] == []


def anchors(path: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_is_a_short_page_of_the_index() -> None:
    index = page("decisions/index.md")
    pages = [path for path in (ROOT / "docs" / "decisions").glob("*.md") if path.stem != "index"]
    long = [path.name for path in pages if len(path.read_text("utf-8").splitlines()) > 30]

    assert [path.name for path in pages if f"]({path.name})" not in index] == []
    assert long == []


def test_the_architecture_names_every_room() -> None:
    text = page("architecture.md")
    package = ROOT / "gitmodel"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    rooms |= {path.parent.name for path in package.glob("project/*/__init__.py")}

    assert sorted(name for name in rooms if not re.search(rf"\b{name}\b", text)) == []


def test_every_dependency_has_its_reason() -> None:
    text = page("dependencies.md")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *settings["project"]["dependencies"],
        *settings["dependency-groups"]["test"],
        *settings["build-system"]["requires"],
    ]
    names = [re.split(r"[<>=~ ]", requirement)[0] for requirement in wanted]

    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_page_on_remotes_names_every_option() -> None:
    text = page("remotes.md")
    options = set(Remote.__dataclass_fields__) - {"url", "scheme", "profile"}

    assert [name for name in sorted(options) if f"| `{name}` |" not in text] == []


def test_the_configuration_in_the_page_on_remotes_is_accepted() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", page("remotes.md"), re.MULTILINE | re.DOTALL)
    config = Config.from_text(f'gitmodel: 1\nproject: "demo"\nid: "9c1f22ab"\n{example}')

    assert config.remote == Remote(
        url="s3://models/fraud",
        scheme="s3",
        endpoint="https://minio.example.org:9000",
        addressing="path",
    )
    assert config.mirrors["backup"].account == "acme"
