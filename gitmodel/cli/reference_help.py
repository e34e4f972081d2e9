"""The references that commands take, for their help."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

REFERENCES = """\
REF is one of
  NAME            the version that the work tree's pointer names
  NAME@7          version 7
  NAME@ALIAS      the version that an alias names
  NAME@REVISION   the version at a Git revision (NAME@git:REVISION if both)
  NAME@run:ID     the version that a training run made (NAME@ID if nothing else
                  is called so)
  NAME@blake3:…   by the first 8 or more digits of its digest"""


def add_no_deprecated(parser: argparse.ArgumentParser) -> None:
    """Add `--no-deprecated`."""
    parser.add_argument(
        "--no-deprecated",
        action="store_true",
        help="refuse deprecated versions (also: GITMODEL_NO_DEPRECATED=1)",
    )
