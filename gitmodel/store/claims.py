"""Claims: which digest owns a version number, on the primary remote.

A claim is created only if it is absent, and is never changed, so exactly one of several racing clients gets
the number. Claims are compared by digest alone. If Git's history has two contents under one number, the
claim selects one. A claim never replaces the digest that Git names.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.digest import Digest
from gitmodel.domain.reference import check_name
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.domain.yaml.reader import Value, block, parse
from gitmodel.errors import (
    DamagedObjectError,
    ModelNameError,
    ObjectMissingError,
    PointerError,
    TextError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.store.objects import ObjectStore

_LONGEST_NUMBER = 18  # digits
_MENDED_BY = "gitmodel push, in a clone that has pushed this version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The owner of one version number of a model."""

    name: str
    version: int
    digest: Digest
    by: str = ""  # "Ana <ana@example.org>"
    at: str = ""  # when, UTC, ISO 8601
    commit: str = ""
    ref: str = ""
    run_id: str = ""

    def to_text(self) -> str:
        """The canonical text; the inverse of `from_text`."""
        rows: dict[str, Value] = {
            "name": self.name,
            "version": self.version,
            "digest": str(self.digest),
            "by": _as_utf8(self.by),
            "at": self.at,
            "commit": self.commit,
            "ref": _as_utf8(self.ref),
            "run_id": _as_utf8(self.run_id),
        }
        return "\n".join(block(rows)) + "\n"

    @classmethod
    def from_text(cls, raw: bytes, *, what: str) -> Claim:
        """Parse a claim. Raises DamagedObjectError if it is not one."""
        try:
            rows = parse(raw, what=what)
            version = rows["version"]
            if not isinstance(version, int) or isinstance(version, bool):
                raise DamagedObjectError(
                    f"{what} is not a claim: version is not a number", hint=_MENDED_BY
                )
            return cls(
                name=str(rows["name"]),
                version=version,
                digest=Digest.parse(str(rows["digest"])),
                **{key: str(rows.get(key, "")) for key in ("by", "at", "commit", "ref", "run_id")},
            )
        except (TextError, PointerError, KeyError) as error:
            raise DamagedObjectError(f"{what} is not a claim", hint=_MENDED_BY) from error

    def __str__(self) -> str:
        who = f" by {self.by}" if self.by else ""
        when = f" on {self.at}" if self.at else ""
        run = f" (run {self.run_id})" if self.run_id else ""
        return f"{self.name}@{self.version} is {self.digest.short}, claimed{who}{when}{run}"


def _as_utf8(text: str) -> str:
    """Replace what is not UTF-8: a person's name in Git may be in another encoding."""
    return text.encode("utf-8", "replace").decode()


def claim_key(project: str, name: str, version: int) -> str:
    """The key of the claim of one version."""
    return f"versions/{project}/{name}@{version}.yaml"


def read_claim(store: ObjectStore, project: str, name: str, version: int) -> Claim | None:
    """Read the claim of a version, None if the number is free. One GET.

    Raises DamagedObjectError if the object is not a claim of this version.
    """
    key = claim_key(project, name, version)
    try:
        raw = store.backend.read(key, limit=MAX_TEXT_BYTES)
    except ObjectMissingError:
        return None
    return _checked(raw, name, version, f"{store.url}/{key}")


def _checked(raw: bytes, name: str, version: int, what: str) -> Claim:
    claim = Claim.from_text(raw, what=what)
    if (claim.name, claim.version) != (name, version):
        raise DamagedObjectError(
            f"{what} is the claim of {claim.name}@{claim.version}", hint=_MENDED_BY
        )
    return claim


def replace_claim(store: ObjectStore, project: str, claim: Claim) -> None:
    """Overwrite a damaged claim; the caller must know the owner of the number."""
    key = claim_key(project, claim.name, claim.version)
    store.backend.write(key, claim.to_text().encode())


def claim_version(store: ObjectStore, project: str, claim: Claim) -> Claim:
    """Claim a number for a digest; returns this claim, an earlier one of the digest, or another owner's.

    Idempotent: if the answer to a create is lost, the object is read back, and an equal digest is success.
    Raises ObjectMissingError if the number is taken but no claim can be read, DamagedObjectError if the
    object is not a claim.
    """
    key = claim_key(project, claim.name, claim.version)
    for _ in range(2):  # a store may list a new object late, or a person may delete it
        if store.backend.create(key, claim.to_text().encode()):
            return claim
        owner = read_claim(store, project, claim.name, claim.version)
        if owner is not None:
            return owner
    raise ObjectMissingError(
        f"{store.url} says that {claim.name}@{claim.version} is claimed, but not by whom",
        hint="gitmodel push",
    )


def list_claims(store: ObjectStore, project: str) -> Iterator[tuple[str, int]]:
    """List the claimed names and numbers of a project. One LIST for every 1,000 of them."""
    prefix = f"versions/{project}/"
    for info in store.backend.list(prefix):
        name, _, number = info.key[len(prefix) :].removesuffix(".yaml").rpartition("@")
        if number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER:
            # anybody who may write to the bucket can choose this key
            with suppress(ModelNameError):
                yield check_name(name), int(number)


def copy_claim(
    source: ObjectStore, target: ObjectStore, project: str, name: str, version: int
) -> tuple[Claim, Claim, bool]:
    """Copy a claim to another store, unless that has one for the number.

    Returns the claim of the source, the claim of the target, and whether that was created now. Raises
    ObjectMissingError if the source has no such claim, DamagedObjectError if one of the two is no claim.
    """
    key = claim_key(project, name, version)
    raw = source.backend.read(key, limit=MAX_TEXT_BYTES)
    claim = _checked(raw, name, version, f"{source.url}/{key}")
    owner = read_claim(target, project, name, version)
    if owner is not None:
        return claim, owner, False
    if target.backend.create(key, raw):
        return claim, claim, True
    owner = read_claim(target, project, name, version)
    if owner is None:
        raise ObjectMissingError(
            f"{target.url} says that {name}@{version} is claimed, but not by whom",
            hint="run the same command again",
        )
    return claim, owner, False
