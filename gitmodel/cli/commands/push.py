"""`gitmodel push`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.wording import count_text, size_text

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_PUSH = """\
`git push` does this by itself. Run it to fill a mirror, or to heal a push that
went past the hooks. What is on the remote already is not sent again."""


def add_parser(verbs: Verbs) -> None:
    """Describe the verb."""
    push = verbs.add(
        "push",
        run,
        summary="Upload the weights of the committed pointers",
        description=_PUSH,
        json=True,
    )
    push.add_argument("--remote", metavar="NAME", default="primary", help="to this remote")


def run(session: Session, *, remote: str) -> int:
    """Publish every pointer of HEAD."""
    from gitmodel.workflows.push import push_head

    with session.project() as project:
        report = push_head(project, remote=remote)
        url = report.remote or project.committed_remote(remote).url
    output = session.output
    if output.as_json:
        output.json(report)
        return 0
    if not report.versions:
        output.say(f"nothing to upload: every committed version is on {url}")
        return 0
    names = ", ".join(f"{name}@{version}" for name, version in report.versions)
    output.say(f"{names} on {url}")
    if report.packs:
        output.say(
            f"uploaded {count_text(report.packs, 'pack')}, {size_text(report.uploaded_bytes)}"
        )
    return 0
