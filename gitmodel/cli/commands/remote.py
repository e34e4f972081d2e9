"""`gitmodel remote add|list|remove|trust`; `copy` is in `remote_copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.commands.remote_copy import add_copy_parser
from gitmodel.cli.output import Paint
from gitmodel.cli.parsers import finish
from gitmodel.cli.remote_options import add_remote_options, address_help, given_options

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.workflows.remote import RemoteRow

_REMOTE = """\
One remote is the primary; versions are claimed there. Others are mirrors.
Without a subcommand it lists the remotes."""
_TRUST = """\
gitmodel uploads nothing to an address in .gitmodel.yaml, and sends no
credentials to its host, before you trust it in this clone."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser and its subcommands."""
    remote = verbs.add(
        "remote",
        run_list,
        summary="Add, list, remove, trust or copy remotes",
        description=_REMOTE,
        json=True,
    )
    below = remote.add_subparsers(metavar="add|list|remove|trust|copy")
    add = below.add_parser(
        "add", help="Add a remote", description=f"Add a remote\n\n{address_help()}"
    )
    add.add_argument("url", metavar="URL", help="where weights go")
    add.add_argument("--name", default="primary", metavar="NAME", help="name of a mirror")
    add.add_argument("--replace", action="store_true", help="replace the present remote")
    add.add_argument(
        "--no-check", dest="check", action="store_false", help="do not test the remote"
    )
    add_remote_options(add)
    finish(add, run_add, json=False)
    finish(
        below.add_parser("list", help="List the remotes", description="List the remotes"),
        run_list,
        json=True,
    )
    remove = below.add_parser(
        "remove",
        help="Remove a remote from the configuration; stored weights stay",
        description="Remove a remote from the configuration; stored weights stay",
    )
    remove.add_argument("name", metavar="NAME", help="primary, or the name of a mirror")
    finish(remove, run_remove, json=False)
    trust = below.add_parser(
        "trust",
        help="Trust a remote for uploads from this clone",
        description=f"Trust a remote for uploads from this clone\n\n{_TRUST}",
    )
    trust.add_argument(
        "name", nargs="?", default="primary", metavar="NAME", help="the name of a mirror"
    )
    finish(trust, run_trust, json=False)
    add_copy_parser(below)


def run_add(
    session: Session,
    *,
    url: str,
    name: str,
    replace: bool,
    check: bool,
    **options: str | bool | None,
) -> int:
    """Add a remote to the configuration, after a look at it."""
    from gitmodel.workflows.remote import add_remote
    from gitmodel.workflows.remote_copy import left_behind

    with session.project() as project:
        row = add_remote(
            project, url, name=name, options=given_options(options), replace=replace, check=check
        )
        moved = replace or name == "primary"  # also from the embedded default folder
        missing = left_behind(project, row.name) if moved and check else []
    session.output.say(Paint(row.name, "strong"), f"  {row.url}")
    session.output.say("staged .gitmodel.yaml")
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        count = "1 version" if len(missing) == 1 else f"{len(missing)} versions"
        session.output.say(f"{row.url} lacks {count} of this history: {shown}")
        command = "gitmodel remote copy" + ("" if name == "primary" else f" --to {name}")
        session.output.say(f"to copy them from where they are: {command}")
    return 0


def run_list(session: Session) -> int:
    """List the remotes; no network."""
    from gitmodel.workflows.remote import list_remotes

    with session.project() as project:
        rows = list_remotes(project)
    if session.output.as_json:
        session.output.json({"remotes": rows})
    else:
        session.output.table([_row(row) for row in rows])
    return 0


def _row(row: RemoteRow) -> list[str | Paint]:
    words = [f"{name}={value}" for name, value in row.options.items()]
    if row.default_folder:
        words.append("on this machine only")
    return [
        Paint(row.name, "strong"),
        row.url,
        " ".join(words),
        Paint("", "good")
        if row.trusted
        else Paint(f"no uploads: gitmodel remote trust {row.name}", "doubt"),
    ]


def run_remove(session: Session, *, name: str) -> int:
    """Take a remote out of the configuration."""
    from gitmodel.workflows.remote import remove_remote

    with session.project() as project:
        url = remove_remote(project, name)
    session.output.say(f"{name} is no longer {url}; what is stored there stays")
    session.output.say("staged .gitmodel.yaml")
    return 0


def run_trust(session: Session, *, name: str) -> int:
    """Trust the remote in this clone."""
    from gitmodel.workflows.remote import trust_remote

    with session.project() as project:
        address, new = trust_remote(project, name)
    session.output.say(
        "this clone may upload to ", Paint(address, "strong"), "" if new else ", as before"
    )
    return 0
