"""The pusher's half of safe deletion on a remote (docs/format.md, Deleting).

A pusher first writes its intent, naming what it will rely on, and only then reads the sweep flag;
while that is set it relies on nothing that is doomed but uploads it again. The collector sets the
flag first and reads intents after. In this order no interleaving of the two loses an object.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.digest import Digest
from gitmodel.errors import DamagedObjectError, NewerFormatError, ObjectMissingError, PointerError
from gitmodel.store.layout import SWEEP_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.store.objects import ObjectStore

SWEEP_KEY = "gc/sweep.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Sweep:
    """A collection under way: what it means to delete."""

    epoch: str
    manifests: frozenset[str]  # hex of digests
    packs: frozenset[str]  # hex of names


NO_SWEEP = Sweep("", frozenset(), frozenset())


def write_intent(
    store: ObjectStore,
    intent_id: str,
    *,
    digests: Iterable[Digest],
    packs: Iterable[str],
    at: str,
) -> None:
    """Name what this push relies on. It expires by the store's own time, 14 days after.

    Args:
        store: The remote.
        intent_id: Random.
        digests: Contents that will be referred to.
        packs: Packs that will be referred to, whether uploaded now or found there.
        at: When, UTC, ISO 8601; for people only.
    """
    body = {
        "format": _FORMAT,
        "at": at,
        "manifests": sorted(digest.hex for digest in digests),
        "packs": sorted(packs),
    }
    store.backend.write(f"gc/intents/{intent_id}.json", json.dumps(body).encode() + b"\n")


def read_sweep(store: ObjectStore) -> Sweep:
    """The collection under way, `NO_SWEEP` if there is none. Read it after writing the intent.

    Raises:
        DamagedObjectError: The flag cannot be read; nothing may be relied on then.
        NewerFormatError: It says more than is understood here; the same.
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
    """Names of doomed objects, each checked: one misread would be relied on and then deleted."""
    if not isinstance(value, list):
        raise TypeError(value)
    return frozenset(Digest.from_hex(name).hex for name in value)
