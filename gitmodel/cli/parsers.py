"""The verbs of the command line, and their parsers.

Each verb is a module of `gitmodel.cli.commands` with `add_parser`, which describes its arguments, beside the
function that runs it. A command imports the module of its own verb only; help and completion import all.
"""

from __future__ import annotations

import argparse
import importlib
from typing import TYPE_CHECKING, Any, NoReturn

from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

# In the order in which help shows them.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Set up": ("init", "install", "uninstall", "remote", "doctor", "demo", "completion"),
    "Register": ("add", "commit", "mv", "rm", "renumber", "resolve"),
    "Serve": ("promote", "rollback", "deprecate", "gate"),
    "Look": ("status", "list", "log", "show", "diff", "best", "at", "audit"),
    "Transfer": ("checkout", "fetch", "pull", "get", "push", "verify"),
}
VERBS = tuple(verb for group in GROUPS.values() for verb in group)

EXIT_CODES = (
    "Exit codes: 0 success, 1 failure or check not satisfied, 2 usage error, "
    "3 gate failed, 130 interrupted"
)
_WIDTH = 80  # columns of help, on every terminal the same, so that it can be compared in tests


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of exiting, and takes no abbreviations of options.

    `has_verbs` if there are verbs below it, as in `gitmodel remote add`. The value of an option in `may_be_dashed`
    may begin with a dash: `--sort -metrics.auc`.
    """

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", _formatter)
        super().__init__(allow_abbrev=False, **settings)
        self.has_verbs = False
        self.may_be_dashed: tuple[str, ...] = ()

    def add_subparsers(self, **settings: Any) -> Any:
        """Add verbs below this one."""
        self.has_verbs = True
        return super().add_subparsers(**settings)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line. Raises UsageError."""
        raise UsageError(f"{self.prog}: {message}", hint=f"{self.prog} --help")


class Verbs:
    """Collects the parsers of verbs, and by verb `summaries` of what each does, in one line.

    `subparsers` are of a parser for all verbs; without it each verb gets a parser of its own, which then
    takes options between its positional arguments.
    """

    def __init__(self, subparsers: Any = None) -> None:
        self.parsers: dict[str, Parser] = {}
        self.summaries: dict[str, str] = {}
        self._subparsers = subparsers

    def add(
        self,
        verb: str,
        run: Callable[..., int] | None,
        *,
        summary: str,
        description: str = "",
        json: bool = False,
    ) -> Parser:
        """Describe a verb; its arguments are added to what is returned.

        `run` takes the session, then the arguments by name; it returns the exit code. It is None where
        verbs below this one say that. `summary` is the first line of help: imperative, no full stop.
        `description` follows in the verb's own help. With `json` it can print its report as JSON.
        """
        text = f"{summary}\n\n{description}".rstrip()
        if self._subparsers is None:
            parser = Parser(prog=f"gitmodel {verb}", description=text)
        else:
            parser = self._subparsers.add_parser(verb, help=summary, description=text)
        if run is not None:
            finish(parser, run, json=json)
        self.parsers[verb] = parser
        self.summaries[verb] = summary
        return parser


def finish(parser: argparse.ArgumentParser, run: Callable[..., int], *, json: bool) -> None:
    """Say what a parser's command runs, and add the options that every command has."""
    parser.set_defaults(run=run)
    if json:
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print a JSON document instead"
        )
    _add_loudness(parser)


def verb_parser(verb: str) -> Parser:
    """The parser of one verb; imports its module only."""
    verbs = Verbs()
    _module(verb).add_parser(verbs)
    return verbs.parsers[verb]


def add_direction(parser: argparse.ArgumentParser) -> None:
    """Add `--higher` and `--lower`, of which values of a metric are better."""
    direction = parser.add_mutually_exclusive_group()
    for better in ("higher", "lower"):
        direction.add_argument(
            f"--{better}",
            dest="better",
            action="store_const",
            const=better,
            help=f"a {better} value is better",
        )


def parse(verb: str, words: Sequence[str]) -> tuple[Callable[..., int], dict[str, object]]:
    """What a verb runs, and the named arguments to run it with.

    Raises UsageError if the command line is not one of this verb, SystemExit if help was asked for and
    has been printed.
    """
    parser = verb_parser(verb)
    # Options between positional arguments, `checkout a --out d b`: argparse can do that only where
    # there are no verbs below.
    read = parser.parse_known_args if parser.has_verbs else parser.parse_known_intermixed_args
    namespace, unknown = read(_joined(words, parser.may_be_dashed))
    if unknown:
        raise UsageError(f"{parser.prog} does not know {unknown[0]}", hint=f"{parser.prog} --help")
    values = vars(namespace)
    return values.pop("run"), values


def _joined(words: Sequence[str], options: Collection[str]) -> list[str]:
    """The words, with `--sort=-KEY` for `--sort -KEY`: argparse takes `-KEY` for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in options and word[:1] == "-" != word[1:2]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def full_parser() -> Parser:
    """One parser for everything, for the generation of completion."""
    parser = Parser(prog="gitmodel", description=_about())
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("-C", metavar="DIR", dest="folder", help="run as if started in DIR")
    _add_loudness(parser)
    verbs = Verbs(parser.add_subparsers(metavar="COMMAND"))
    _add_all(verbs)
    return parser


def overview() -> str:
    """What `gitmodel --help` prints: every verb in one line."""
    verbs = Verbs()
    _add_all(verbs)
    lines = ["usage: gitmodel [-C DIR] [-q] [-v] COMMAND ...", "", _about()]
    for title, group in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {verb:<12}{verbs.summaries[verb]}" for verb in group]
    lines += [
        "",
        "Options:",
        "  -C DIR        run as if started in DIR; can be repeated",
        "  -q, --quiet   print only results, warnings and errors",
        "  -v, --verbose print more",
        "  --version     print the version",
        "",
        "gitmodel COMMAND --help explains a command.",
        EXIT_CODES.partition(", 130")[0],
    ]
    return "\n".join(lines) + "\n"


def nearest_verb(word: str) -> str | None:
    """The verb that was probably meant."""
    import difflib

    found = difflib.get_close_matches(word, VERBS, n=1, cutoff=0.5)
    return found[0] if found else None


def _about() -> str:
    from gitmodel import __doc__ as text

    return (text or "").partition("\n")[0]


def _add_all(verbs: Verbs) -> None:
    for verb in VERBS:
        _module(verb).add_parser(verbs)


def _module(name: str) -> Any:
    return importlib.import_module(f"gitmodel.cli.commands.{name}")


def _add_loudness(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS: what was said before the verb is not overwritten by a default after it.
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print only results, warnings and errors",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="print more"
    )


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, width=_WIDTH, max_help_position=30)
