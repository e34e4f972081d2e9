"""Roll-back goes down: the values of an alias are a stack, whatever moved the alias."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.alias_stack import AliasStack
from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Previous


def value(version: int, previous: int | None = None, why: str | None = None) -> Alias:
    return Alias(
        name="fraud",
        alias="production",
        version=version,
        digest=digest_of(b"%d" % version),
        size=version,
        previous=None if previous is None else Previous(previous, digest_of(b"%d" % previous)),
        why=why,
    )


def promoted(*versions: int) -> list[Alias | None]:
    """The files that promotions to these versions write, one after the other."""
    return [
        value(one, before) for before, one in zip([None, *versions[:-1]], versions, strict=True)
    ]


def versions(stack: AliasStack) -> list[int]:
    return [entry.version for entry in stack.entries]


def back(stack: AliasStack) -> int | None:
    """The number that roll-back returns to."""
    found = stack.back()
    return None if found is None else found.version


def test_rolled_back_twice_is_two_down() -> None:
    stack = AliasStack.of(promoted(4, 5, 6))
    assert versions(stack) == [4, 5, 6]

    for expected in (5, 4):
        found = stack.back()
        assert isinstance(found, Alias)
        stack = stack.moved(found)
        assert versions(stack)[-1] == expected

    assert stack.back() is None


def test_a_revert_and_promoting_the_value_before_are_roll_backs() -> None:
    for back_to_5 in (value(5, 4), value(5, 6)):
        stack = AliasStack.of([*promoted(4, 5, 6), back_to_5])
        assert versions(stack) == [4, 5]
        assert back(stack) == 4


def test_promoting_what_is_further_down_is_a_promotion() -> None:
    stack = AliasStack.of([*promoted(4, 5, 6), value(4, 6)])

    assert versions(stack) == [4, 5, 6, 4]
    assert back(stack) == 6


def test_two_roll_backs_in_one_commit_are_two() -> None:
    stack = AliasStack.of([*promoted(3, 4, 5, 6), value(4, 3)])

    assert versions(stack) == [3, 4]


def test_a_value_is_never_returned_to_twice() -> None:
    """4, 5, back, 6, back, back: 5 was rolled back, so it does not come again."""
    stack = AliasStack.of([*promoted(4, 5), value(4), value(6, 4), value(4)])

    assert versions(stack) == [4]
    assert stack.back() is None


def test_other_metrics_for_the_same_version_are_no_move() -> None:
    corrected = replace(value(5, 5), metrics={"auc": 0.9}, why="metrics were missing")
    stack = AliasStack.of([*promoted(4, 5), corrected])

    assert versions(stack) == [4, 5]
    assert stack.top == replace(corrected, previous=Previous(4, digest_of(b"4")))


def test_roll_back_after_a_removal_restores_the_alias() -> None:
    stack = AliasStack.of([*promoted(4, 5), None])
    assert (stack.is_removed, back(stack)) == (True, 5)

    restored = stack.moved(value(5, 4))
    assert (restored.is_removed, versions(restored)) == (False, [4, 5])


def test_roll_back_never_removes_an_alias() -> None:
    stack = AliasStack.of([*promoted(4, 5), None, value(6)])

    assert versions(stack) == [4, 5, 6]
    assert back(stack) == 5


def test_an_alias_that_never_was() -> None:
    for values in ([], [None], [None, None]):
        stack = AliasStack.of(values)
        assert (stack.top, stack.back(), stack.is_removed) == (None, None, False)


def test_where_history_is_cut_off_previous_serves_once() -> None:
    stack = AliasStack.of([value(6, 5)], is_cut_off=True)
    assert stack.back() == Previous(5, digest_of(b"5"))

    stack = stack.moved(value(5))
    assert versions(stack) == [5]
    assert stack.back() is None


def test_what_a_branch_meant_before_its_merge_is_not_beneath_the_first_value() -> None:
    assert AliasStack.of([value(6, 5)]).back() is None


def test_a_roll_back_beneath_the_cut_keeps_what_the_file_knows() -> None:
    """History begins with 6, and the next commit is the roll-back that a full clone made."""
    assert back(AliasStack.of([value(6, 5), value(5, 4)], is_cut_off=True)) == 4
    assert back(AliasStack.of([value(6, 5), value(5, 6)], is_cut_off=True)) is None


def test_two_contents_of_one_number_are_two_values() -> None:
    other = replace(value(5, 4), digest=digest_of(b"other"))
    stack = AliasStack.of([*promoted(4, 5), other])

    assert versions(stack) == [4, 5, 5]
    assert stack.find(5) == stack.top
    assert [one.digest for one in stack.beneath(other)] == [digest_of(b"5"), digest_of(b"4")]


numbers = st.integers(1, 5)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("promote"), numbers),
        st.tuples(st.just("to"), numbers),
        st.tuples(st.sampled_from(["back", "remove", "revert"]), st.just(0)),
    ),
    max_size=30,
)


def model(stack: list[int], version: int, previous: int | None) -> list[int]:
    """What a move makes of a stack of numbers; `previous` is what the file says."""
    if stack[-1:] == [version]:
        return stack
    if stack[-2:-1] == [version]:
        return stack[:-1]
    for index in range(len(stack) - 3, -1, -1):
        beneath = stack[index - 1] if index else None
        if stack[index] == version and previous in (None, beneath):
            return stack[: index + 1]
    return [*stack, version]


@given(moves)
def test_any_moves_give_the_stack_of_the_model(moves: list[tuple[str, int]]) -> None:
    files: list[Alias | None] = [None]
    expected: list[int] = []
    for kind, number in moves:
        stack = AliasStack.of(files)
        now = files[-1]
        new: Alias | Previous | None
        match kind:
            case "promote":
                new = value(number, None if now is None else now.version)
            case "to":
                new = stack.find(number)
            case "back":
                new = stack.back()
            case "revert":
                new = files[-2] if len(files) > 1 else None
            case _:
                new = None
        assert not isinstance(new, Previous)
        if new is not None:
            before = expected
            expected = model(
                expected, new.version, None if new.previous is None else new.previous.version
            )
            if kind == "back" and not stack.is_removed:
                assert expected == before[:-1]
            if kind == "to":
                assert expected == before[: len(expected)]
        if new is not None or kind in ("remove", "revert"):
            files.append(new)
        assert versions(AliasStack.of(files)) == expected


@given(moves, numbers)
def test_roll_back_ends_and_undoes_a_promotion(moves: list[tuple[str, int]], new: int) -> None:
    now: int | None = None
    files: list[Alias | None] = []
    for _, number in moves:
        files.append(value(number, now) if number else None)
        now = number or None
    stack = AliasStack.of(files)

    undone = AliasStack.of([*files, value(new + 5, now)])
    found = undone.back()
    if isinstance(found, Alias):
        assert undone.moved(found).entries == stack.entries

    for entry, beneath in zip(stack.entries[1:], stack.entries, strict=False):
        assert entry.previous == Previous(beneath.version, beneath.digest)
    height = len(stack.entries) + stack.is_removed
    while isinstance(found := stack.back(), Alias):
        stack = stack.moved(found)
        height -= 1
        assert len(stack.entries) == max(height, 1)
