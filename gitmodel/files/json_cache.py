"""Answers that are cheaper to read again than to find again, in one file of the cache.

    gitmodel recall 1 <what the answers depend on>
    <BLAKE3 of the rest, as hex>
    JSON: key -> answer

An answer is found by a key that changes whenever the answer might. The file is replaced whole, by
rename: of two writers the last one wins. Guarantee: a file that is damaged, foreign, or of another
purpose counts as absent, and one that cannot be written is not; no error comes of it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from gitmodel.domain.digest import digest_of
from gitmodel.files.safe_open import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

# What JSON gives back as it was.
Answer: TypeAlias = "list[Answer] | dict[str, Answer] | str | int | float | bool | None"


class Recall:
    """The answers of one file.

    Args:
        path: Of the file.
        depends_on: What the answers depend on beside their keys, such as the version of the program.
    """

    def __init__(self, path: str, *, depends_on: str) -> None:
        self._path = path
        self._magic = f"gitmodel recall 1 {depends_on}\n".encode()

    def read(self) -> dict[str, Answer]:
        """Every answer by its key."""
        try:
            with open(self._path, "rb") as stream:
                data = stream.read()
        except OSError:
            return {}
        if not data.startswith(self._magic):
            return {}
        seal, _, body = data[len(self._magic) :].partition(b"\n")
        if seal != digest_of(body).hex.encode():
            return {}
        answers: dict[str, Answer] = json.loads(body)
        return answers

    def write(self, answers: Mapping[str, Answer]) -> None:
        """Replace all answers."""
        body = json.dumps(answers, separators=(",", ":")).encode()
        data = self._magic + digest_of(body).hex.encode() + b"\n" + body
        with suppress(OSError):
            replace_file(self._path, data)
