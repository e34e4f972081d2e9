"""A push's half of the protocol for safe deletion on a remote (docs/format.md, Deleting).

A push first writes its intent, which names the objects it will refer to, and then reads the sweep flag. While
the flag is set, the push uploads again every object that is marked for deletion. The collector sets the flag
first and reads intents afterwards. In this order no interleaving of the two loses an object.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.digest import Digest
from gitmodel.errors import DamagedObjectError, NewerFormatError, ObjectMissingError, PointerError
from gitmodel.store.layout import SWEEP_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.store.objects import ObjectStore

SWEEP_KEY = "gc/sweep.json"
_FORMAT = 1


class Sweep(NamedTuple):
    """A running garbage collection: the objects marked for deletion."""

    epoch: str
    manifests: frozenset[str]  # hex of digests
    packs: frozenset[str]  # hex of names


NO_SWEEP = Sweep("", frozenset(), frozenset())


def write_intent(
    store: ObjectStore, intent_id: str, *, digests: Iterable[Digest], packs: Iterable[str], at: str
) -> None:
    """Write the intent of a push, under a random id. It expires 14 days later, by the store's clock.

    It names all contents and packs that the push will refer to, uploaded now or before. `at` is the
    time of the push, UTC, ISO 8601, for people only.
    """
    body = {
        "format": _FORMAT,
        "at": at,
        "manifests": sorted(digest.hex for digest in digests),
        "packs": sorted(packs),
    }
    store.backend.write(f"gc/intents/{intent_id}.json", json.dumps(body).encode() + b"\n")


def read_sweep(store: ObjectStore) -> Sweep:
    """Read the sweep flag, `NO_SWEEP` if it is not set. Call it after `write_intent`.

    Raises DamagedObjectError if the flag is damaged and NewerFormatError if its format is not known:
    then the push must not refer to any object.
    """
    try:
        raw = store.backend.read(SWEEP_KEY, limit=SWEEP_LIMIT)
    except ObjectMissingError:
        return NO_SWEEP
    try:
        value = json.loads(raw)
        if value["format"] > _FORMAT:
            raise NewerFormatError(
                f"{store.url}/{SWEEP_KEY} was written by a newer gitmodel",
                hint="pip install --upgrade gitmodel",
            )
        return Sweep(
            epoch=str(value["epoch"]),
            manifests=_names(value["manifests"]),
            packs=_names(value["packs"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError, PointerError) as error:
        raise DamagedObjectError(
            f"{store.url}/{SWEEP_KEY} cannot be read, so it is not known what is being deleted",
            hint="delete that object, if nobody is collecting garbage on this remote, and push again",
        ) from error


def _names(value: object) -> frozenset[str]:
    """Check the names of marked objects: a push would refer to one that is misread."""
    if not isinstance(value, list):
        raise TypeError(value)
    return frozenset(Digest.from_hex(name).hex for name in value)
