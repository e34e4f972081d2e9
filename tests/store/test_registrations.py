"""Who uses a store: every repository once, and other projects of the same name are seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gitmodel.store.registrations import other_projects, register
from tests.support.stores import files_below, remote_at

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.store.objects import ObjectStore

URL = "https://git.example.org/shop.git"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return remote_at(tmp_path / "remote")


def test_a_repository_is_registered_once(store: ObjectStore, tmp_path: Path) -> None:
    register(store, "shop", "9c1f22ab", URL)
    register(store, "shop", "9c1f22ab", URL)
    (path,) = files_below(tmp_path / "remote")

    assert path.startswith("projects/shop/9c1f22ab/")
    assert json.loads((tmp_path / "remote" / path).read_bytes()) == {"format": 1, "url": URL}


def test_every_fork_is_registered(store: ObjectStore, tmp_path: Path) -> None:
    for url in (URL, "https://git.example.org/fork.git", ""):
        register(store, "shop", "9c1f22ab", url)

    assert len(files_below(tmp_path / "remote")) == 3
    assert other_projects(store, "shop", "9c1f22ab") == []


def test_another_project_of_the_same_name_is_seen(store: ObjectStore) -> None:
    for project, project_id in (("shop", "9c1f22ab"), ("shop", "00000000"), ("shop2", "11111111")):
        register(store, project, project_id, URL)

    assert other_projects(store, "shop", "9c1f22ab") == ["00000000"]
    assert other_projects(store, "sho", "9c1f22ab") == []


def test_a_new_store_has_no_projects(store: ObjectStore) -> None:
    assert other_projects(store, "shop", "9c1f22ab") == []


@pytest.mark.parametrize("url", ["https://x/../../y", "-x", "a\nb", "ä" * 5000])
def test_no_url_leads_out_of_its_place(store: ObjectStore, tmp_path: Path, url: str) -> None:
    register(store, "shop", "9c1f22ab", url)
    (path,) = files_below(tmp_path / "remote")

    assert path.count("/") == 3
