"""`gates:` and `better:` in `.gitmodel.yaml`: which rules hold for which model.

An unknown key is an error, because a rule with a typo would be an open gate. MLflow's words are accepted for
rules: `threshold`, `min_absolute_change`, `min_relative_change` and `greater_is_better`.

Guarantee: invalid values raise GateConfigError only.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, cast

from gitmodel.domain.gates.rules import Limit, Rule
from gitmodel.domain.reference import check_alias
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import GateConfigError, ModelNameError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gitmodel.domain.gates.rules import Direction, Kind
    from gitmodel.domain.yaml.reader import Value

# Names of models, and the wildcards of fnmatch.
_IN_PATTERNS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._/-*?[]!")
PREVIOUS = "previous"  # the baseline that the base's pointer names
ANY_ALIAS = "*"

_KINDS: tuple[Kind, ...] = ("min", "max", "improve_by", "worsen_by")
_RULE_KEYS = (*_KINDS, "better", "missing", "unjudged")
_MLFLOW_KEYS = ("threshold", "min_absolute_change", "min_relative_change", "greater_is_better")
_GATE_KEYS = ("baseline", "register", "promote", "same_data", "on_commit", "allow_force")
_MAX_RULES = 100  # of one gate


class Gate(NamedTuple):
    """The rules of the models that a pattern matches.

    Attributes:
        pattern: A name, or a pattern of names.
        baseline: An alias, or `previous`.
        register: Rules for a new version, or for other metrics of a known one.
        promote: Rules by alias; `*` for all others.
        same_data: What follows if data of one name has another digest than the baseline's.
        on_commit: Whether weights that are refused stay unregistered and the commit goes on (`keep`), or the
            commit is refused.
        allow_force: Whether `forced` in a pointer or alias satisfies the check in CI.
    """

    pattern: str
    baseline: str = PREVIOUS
    register: tuple[Rule, ...] = ()
    promote: Mapping[str, tuple[Rule, ...]] = MappingProxyType({})
    same_data: Literal["refuse", "warn", "ignore"] = "warn"
    on_commit: Literal["keep", "refuse"] = "keep"
    allow_force: bool = False

    def rules_for(self, alias: str) -> tuple[Rule, ...]:
        """The rules for a promotion to an alias."""
        return self.promote.get(alias, self.promote.get(ANY_ALIAS, ()))


class Gates(NamedTuple):
    """All gates of a repository.

    Attributes:
        better: Direction by metric, or by pattern of metrics.
        gates: By name or pattern.
    """

    better: Mapping[str, Direction] = MappingProxyType({})
    gates: Mapping[str, Gate] = MappingProxyType({})

    @classmethod
    def from_values(cls, values: Mapping[str, Value], *, what: str) -> Self:
        """Read the keys `better` and `gates` of a configuration; other keys are ignored.

        Args:
            values: The top-level keys.
            what: The file, the beginning of every message.

        Raises:
            GateConfigError: A value is invalid, or a rule against a baseline has no direction.
        """
        better = {
            metric: _direction(value, f"{what}: better.{metric}")
            for metric, value in _mapping(values.get("better"), f"{what}: better").items()
        }
        raw = _mapping(values.get("gates"), f"{what}: gates")
        gates = {
            pattern: _gate(pattern, value, better, f"{what}: gates.{pattern}")
            for pattern, value in raw.items()
        }
        return cls(better, gates)

    def gate_of(self, name: str) -> Gate | None:
        """The gate of a model: its exact name, else the longest pattern that matches; never two of them."""
        if name in self.gates:
            return self.gates[name]
        found = _longest_match(name, self.gates)
        return None if found is None else self.gates[found]

    def direction(self, metric: str) -> Direction | None:
        """Which direction is better for a metric, None if the configuration does not say."""
        return _direction_of(metric, self.better)


def _gate(pattern: str, value: Value, better: Mapping[str, Direction], where: str) -> Gate:
    if not _may_match(pattern):
        raise GateConfigError(
            f"{where}: no model has such a name, so the gate would judge nothing",
            hint='gitmodel list, which names the models; a pattern such as "fraud*" is for several',
        )
    keys = _mapping(value, where)
    _refuse_unknown(keys, _GATE_KEYS, where)
    promote = _mapping(keys.get("promote"), f"{where}.promote")
    for alias in promote:
        if alias != ANY_ALIAS:
            _alias(alias, f"{where}.promote")
    baseline = keys.get("baseline", PREVIOUS)
    if baseline != PREVIOUS:
        baseline = _alias(baseline, f"{where}.baseline")
    return Gate(
        pattern=pattern,
        baseline=baseline,
        register=_rules(keys.get("register"), better, f"{where}.register"),
        promote={
            alias: _rules(rules, better, f"{where}.promote.{alias}")
            for alias, rules in promote.items()
        },
        same_data=_word(keys, "same_data", ("warn", "refuse", "ignore"), where),  # type: ignore[arg-type]
        on_commit=_word(keys, "on_commit", ("keep", "refuse"), where),  # type: ignore[arg-type]
        allow_force=_flag(keys, "allow_force", where),
    )


def _may_match(pattern: str) -> bool:
    """Whether a model can have a name that the pattern matches."""
    return (
        pattern[:1] not in {"", ".", "_", "/", "-", "!"}
        and _IN_PATTERNS.issuperset(pattern)
        and pattern.count("[") == pattern.count("]")
    )


def _rules(value: Value, better: Mapping[str, Direction], where: str) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for metric, conditions in _mapping(value, where).items():
        rules += _rules_of(metric, conditions, better, f"{where}.{metric}")
    if len(rules) > _MAX_RULES:
        raise GateConfigError(f"{where}: more than {_MAX_RULES} rules", hint=_HINT)
    return tuple(rules)


def _rules_of(metric: str, value: Value, better: Mapping[str, Direction], where: str) -> list[Rule]:
    keys = dict(_mapping(value, where))
    _refuse_unknown(keys, (*_RULE_KEYS, *_MLFLOW_KEYS), where)
    direction = _direction_of(metric, better)
    if "greater_is_better" in keys:
        direction = "higher" if _flag(keys, "greater_is_better", where) else "lower"
    if "better" in keys:
        direction = _direction(keys["better"], f"{where}.better")
    may_be_missing = _word(keys, "missing", ("refuse", "skip"), where) == "skip"
    needs_baseline = _word(keys, "unjudged", ("pass", "refuse"), where) == "refuse"
    limits: list[tuple[Kind, Limit]] = [
        (kind, _limit(keys[kind], f"{where}.{kind}", percent=kind in ("improve_by", "worsen_by")))
        for kind in _KINDS
        if kind in keys
    ]
    limits += _mlflow_limits(keys, direction, where)
    if not limits:
        raise GateConfigError(f"{where}: no rule: give {', '.join(_KINDS)}", hint=_HINT)
    if direction is None and any(kind in ("improve_by", "worsen_by") for kind, _ in limits):
        raise GateConfigError(
            f"{where}: nothing says whether a higher or a lower {quote_text(metric)} is better",
            hint=f"add better: {{{quote_text(metric)}: higher}} (or lower) to .gitmodel.yaml",
        )
    return [
        Rule(metric, kind, limit, direction, may_be_missing, needs_baseline)
        for kind, limit in limits
    ]


def _mlflow_limits(
    keys: Mapping[str, Value], direction: Direction | None, where: str
) -> list[tuple[Kind, Limit]]:
    """The rules in MLflow's words; Source: mlflow.models.MetricThreshold."""
    limits: list[tuple[Kind, Limit]] = []
    if "threshold" in keys:
        if direction is None:
            raise GateConfigError(f"{where}: threshold needs greater_is_better", hint=_HINT)
        limit = _limit(keys["threshold"], f"{where}.threshold", percent=False)
        limits.append(("min" if direction == "higher" else "max", limit))
    if "min_absolute_change" in keys:
        change = _limit(keys["min_absolute_change"], f"{where}.min_absolute_change", percent=False)
        limits.append(("improve_by", change))
    if "min_relative_change" in keys:
        part = _limit(keys["min_relative_change"], f"{where}.min_relative_change", percent=False)
        limits.append(("improve_by", Limit(part.number * 100, is_percent=True)))
    return limits


def _limit(value: Value, where: str, *, percent: bool) -> Limit:
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(repr(value))
        if number.is_finite() and (not percent or number >= 0):
            return Limit(number)
    if percent and isinstance(value, str) and value.endswith("%"):
        try:
            number = Decimal(value[:-1])
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite() and number >= 0:
            return Limit(number, is_percent=True)
    allowed = (
        'a number that is not negative, or a percentage such as "1%"' if percent else "a number"
    )
    raise GateConfigError(f"{where} must be {allowed}", hint=_HINT)


_HINT = "gitmodel gate, after the line is corrected"


def _direction_of(metric: str, better: Mapping[str, Direction]) -> Direction | None:
    if metric in better:
        return better[metric]
    found = _longest_match(metric, better)
    return None if found is None else better[found]


def _longest_match(name: str, patterns: Collection[str]) -> str | None:
    from fnmatch import fnmatchcase

    found = [pattern for pattern in patterns if fnmatchcase(name, pattern)]
    return max(found, key=lambda pattern: (len(pattern), pattern), default=None)


def _direction(value: Value, where: str) -> Direction:
    if value in ("higher", "lower"):
        return cast("Direction", value)
    raise GateConfigError(f"{where} must be higher or lower", hint=_HINT)


def _alias(value: Value, where: str) -> str:
    try:
        return check_alias(value if isinstance(value, str) else "")
    except ModelNameError as error:
        raise GateConfigError(f"{where}: {error.message}", hint=error.hint) from error


def _mapping(value: Value, where: str) -> Mapping[str, Value]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise GateConfigError(f"{where} must be a mapping", hint=_HINT)
    return value


def _word(keys: Mapping[str, Value], key: str, allowed: tuple[str, ...], where: str) -> str:
    """A word; the first one that is allowed if the key is missing."""
    value = keys.get(key, allowed[0])
    if value in allowed:
        return value
    raise GateConfigError(f"{where}.{key} must be {' or '.join(sorted(allowed))}", hint=_HINT)


def _flag(keys: Mapping[str, Value], key: str, where: str) -> bool:
    value = keys.get(key, False)
    if isinstance(value, bool):
        return value
    raise GateConfigError(f"{where}.{key} must be true or false", hint=_HINT)


def _refuse_unknown(keys: Mapping[str, Value], allowed: Collection[str], where: str) -> None:
    for key in keys:
        if key not in allowed:
            raise GateConfigError(
                f"{where}: {quote_text(key)} is no key of a gate",
                hint=f"the keys are {', '.join(key for key in allowed if key not in _MLFLOW_KEYS)}",
            )
