"""The options that describe a remote, for `init` and `remote add`; as in `.gitmodel.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.config.address import schemes

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping

_CREDENTIALS = """\
Credentials come from where the SDKs look for them: the environment, ~/.aws,
az login, the machine's role. They are never written into the repository."""


def address_help() -> str:
    """The forms of a remote's URL, one line for each scheme."""
    lines = [f"  {row.form:<23} {row.help}" for row in schemes()]
    return "\n".join(["URL is one of", *lines, "", _CREDENTIALS])


def add_remote_options(parser: ArgumentParser) -> None:
    """Add them to a parser."""
    group = parser.add_argument_group("options of the remote, kept in .gitmodel.yaml")
    group.add_argument("--endpoint", metavar="URL", help="address of another S3 or Azure server")
    group.add_argument("--region", metavar="NAME", help="region of the bucket (S3)")
    group.add_argument(
        "--addressing",
        choices=("auto", "path", "virtual"),
        help="where requests name the bucket (S3)",
    )
    group.add_argument("--account", metavar="NAME", help="storage account (Azure)")
    group.add_argument(
        "--anonymous", action="store_true", help="read a public bucket without credentials"
    )
    group.add_argument("--sse", metavar="KIND", help="encryption at rest: AES256 or aws:kms (S3)")
    group.add_argument("--sse-kms-key-id", metavar="KEY", help="key of the encryption (S3)")


def given_options(options: Mapping[str, str | bool | None]) -> dict[str, str | bool]:
    """Those that were given."""
    return {
        name: value for name, value in options.items() if value is not None and value is not False
    }
