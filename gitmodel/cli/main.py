"""The command line: find the verb, run it, and return an exit code.

Expensive modules are imported late: `--version` and hooks need no argparse, a verb only its own module. Users see no
traceback: expected errors are messages with hints, all others are written to a report file. Only this module and
the other front doors read the environment, the clock and the current folder.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from gitmodel.cli.output import Output, OutputClosedError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130  # as a shell reports SIGINT
OUTPUT_CLOSED = 141  # as a shell reports SIGPIPE

# New objects after which the garbage collector runs. By default it runs after 700: 20 times while a command
# is imported, which takes 2 ms and frees nothing.
_COLLECT_AFTER = 100_000


def run() -> NoReturn:
    """Run gitmodel with the arguments of the process, then end the process.

    All files are closed by then, and no thread is working. The shutdown of the interpreter is skipped, because it
    would add 10 to 20 % to the time of `--version`, `status` and `checkout`.
    """
    if sys.getfilesystemencoding() != "utf-8":
        from gitmodel.cli.utf8 import start_again

        start_again()
    gc.set_threshold(_COLLECT_AFTER)
    code = main()
    atexit._run_exitfuncs()  # noqa: SLF001  (profilers and debuggers)
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None if it was closed from the start
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run gitmodel; returns the exit code. Arguments, without the program, are by default the process's."""
    if arguments is None:
        arguments = sys.argv[1:]
        if "commit" not in arguments:  # Git and its hooks get the environment as it is
            # numpy loads a linear algebra library whose idle threads spin: 4 % of an add.
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = list(arguments)
    output = Output(os.environ)
    try:
        return _guarded(words, output)
    except OutputClosedError:
        _forget_stdout()
        return OUTPUT_CLOSED


def _guarded(words: list[str], output: Output) -> int:
    """Run, and turn exceptions into messages and exit codes."""
    try:
        code = _run(words, output)
        output.flush()
    except OutputClosedError:
        raise
    except KeyboardInterrupt:
        output.failure("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  (the outermost handler)
        code = _explain(error, words, output)
        try:
            output.flush()  # what was printed before the failure
        except OSError:
            _forget_stdout()
    return code


def _run(words: list[str], output: Output) -> int:
    if words == ["--version"]:
        from gitmodel.version import __version__

        output.line(f"gitmodel {__version__}")
        return 0
    folders, rest = _read_globals(words, output)
    if not rest or rest[0] in ("-h", "--help", "help"):
        return _help(rest, output)
    verb = rest[0]
    if verb == "--version":
        return _run([verb], output)
    if verb == "hook":
        from gitmodel.cli.commands.hook import run

        return run(output, folders=folders, words=rest[1:])
    if verb == "commit" and rest[1:] != ["--help"]:  # the options are Git's
        from gitmodel.cli.commands.commit import run as run_commit

        return run_commit(output, folders=folders, words=rest[1:])
    return _run_verb(verb, rest[1:], folders, output)


def _read_globals(words: list[str], output: Output) -> tuple[list[str], list[str]]:
    """The folders of `-C`, and the arguments from the verb on."""
    folders: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] not in ("-h", "--help", "--version"):
        option = rest.pop(0)
        match option:
            case "-q" | "--quiet":
                output.quiet = True
            case "-v" | "--verbose":
                output.verbose = True
            case "-C" if rest:
                folders.append(rest.pop(0))
            case _:
                from gitmodel.errors import UsageError

                what = "-C needs a folder" if option == "-C" else f"there is no option {option}"
                raise UsageError(f"gitmodel: {what}", hint="gitmodel --help")
    return folders, rest


def _help(rest: list[str], output: Output) -> int:
    if len(rest) > 1:  # `gitmodel help add`
        return _run_verb(rest[1], ["--help"], [], output)
    from gitmodel.cli.parsers import overview

    output.verbatim(overview())
    return 0


def _run_verb(verb: str, words: list[str], folders: list[str], output: Output) -> int:
    from gitmodel.cli.parsers import VERBS, nearest_verb, parse
    from gitmodel.errors import UsageError

    if verb not in VERBS:
        near = nearest_verb(verb)
        raise UsageError(
            f"gitmodel has no command {verb!r}",
            hint="gitmodel --help" if near is None else f"gitmodel {near}",
        )
    from gitmodel.cli.session import Session, folder_after

    try:
        run, values = parse(verb, words)
    except SystemExit:
        return 0  # --help has been printed
    output.quiet = bool(values.pop("quiet", output.quiet))
    output.verbose = bool(values.pop("verbose", output.verbose))
    output.as_json = bool(values.pop("as_json", False))
    session = Session(output, environment=os.environ, folder=folder_after(folders))
    return run(session, **values)


def _explain(error: Exception, words: list[str], output: Output) -> int:
    from gitmodel.errors import GitmodelError

    if os.environ.get("GITMODEL_DEBUG") == "1":
        import traceback

        from gitmodel.domain.text.secrets import redact

        for line in redact("".join(traceback.format_exception(error))).splitlines():
            output.note(line)
    if not isinstance(error, GitmodelError):
        from gitmodel.files.os_errors import explained, out_of_resources

        found = explained(error) if isinstance(error, OSError) else out_of_resources(error)
        if found is None:
            return _report(error, words, output)
        error = found
    output.error(error)
    return error.exit_code


def _report(error: Exception, words: list[str], output: Output) -> int:
    """Write a report of an unexpected error, and print one line."""
    from datetime import UTC, datetime

    from gitmodel.cli.crash_report import write_report

    path = write_report(error, arguments=words, environment=os.environ, now=datetime.now(UTC))
    where = "no report could be written" if path is None else f"details in {path}"
    if isinstance(error, OSError) and error.strerror:  # usually an error of the system
        about = f"{error.filename}: " if isinstance(error.filename, str) else ""
        output.failure(f"{about}{error.strerror} ({where})")
    else:
        output.failure(f"internal error ({type(error).__name__}); {where}")
    return 1


def _forget_stdout() -> None:
    """Redirect stdout, so that the flush at exit does not fail again (Python docs: signal)."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
