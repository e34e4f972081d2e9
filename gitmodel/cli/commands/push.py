"""`gitmodel push`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import count_text, size_text

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.workflows.publish import PushReport

_PUSH = """\
`git push` runs this for the commits that it pushes. Run it yourself to fill a
mirror, or to repair a remote. It checks each version in the history of HEAD and
of origin's branches. It uploads what the remote lacks from the cache or the
work tree, and does not upload complete objects again."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    push = verbs.add(
        "push",
        run,
        summary="Check each version on the remote, and upload what it lacks",
        description=_PUSH,
        json=True,
    )
    push.add_argument("--remote", metavar="NAME", default="primary", help="to this remote")
    push.add_argument(
        "--full",
        action="store_true",
        help="read packs instead of comparing sizes",
    )


def run(session: Session, *, remote: str, full: bool) -> int:
    """Publish every pointer of HEAD and of its history."""
    from gitmodel.workflows.push import push_head

    with session.project() as project:
        report = push_head(project, remote=remote, full=full)
        url = report.remote or project.committed_remote(remote).url
    output = session.output
    if output.as_json:
        output.json(report)
        return 0
    for hole in report.holes:
        output.warn(f"{hole.version}: {hole.problem}")
    for hint in dict.fromkeys(hole.hint for hole in report.holes if hole.hint is not None):
        output.hint(hint)
    if report.published:
        output.say(f"{', '.join(f'{name}@{number}' for name, number in report.published)} on {url}")
    if report.packs:
        output.say(
            f"uploaded {count_text(report.packs, 'pack')}, {size_text(report.uploaded_bytes)}"
        )
    else:
        output.say("nothing to upload")
    output.say(_looked_at(report, url, full=full))
    return 0


def _looked_at(report: PushReport, url: str, *, full: bool) -> str:
    """What the remote was asked, and no more than that."""
    seen = len(report.versions) + len({hole.version for hole in report.holes})
    how = "read" if full else "compared by size"
    text = f"looked at {count_text(seen, 'version')} on {url}, {count_text(report.packs_seen, 'pack')} {how}"
    if report.holes:
        from gitmodel.project.publishing.outgoing import format_references

        names = format_references(hole.version for hole in report.holes)
        return f"{text}: {len(report.versions)} whole; this clone cannot repair: {names}"
    if report.not_looked_at:
        lacking = count_text(report.not_looked_at, "pointer")
        return f"{text}: all whole; {lacking} of history are not in this clone and were not checked"
    return f"{text}: all whole"
