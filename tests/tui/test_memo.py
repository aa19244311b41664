"""What is known of an object ends with it, and is never another's."""

import numpy as np

from bigram_tui.tui.render.memo import IdentityRef, Memo


def test_a_value_is_made_once_for_each_object() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return len(made)

    memo = Memo(make)
    a, b = np.zeros(3), np.zeros(3)
    assert [memo[a], memo[b], memo[a], memo[b]] == [1, 2, 1, 2]
    assert len(memo) == 2


def test_a_value_is_forgotten_with_its_object() -> None:
    memo: Memo[list[float]] = Memo(list)
    for value in range(100):  # in the place of the one before, as a rule
        array = np.full(50, float(value))
        known = memo[array]
        assert known == []
        known.append(value)
        assert len(memo) == 1
        del array
        assert len(memo) == 0


def test_references_are_equal_only_while_the_object_lives() -> None:
    array, other = np.zeros(3), np.zeros(3)
    one, two = IdentityRef(array), IdentityRef(array)
    assert one == two
    assert hash(one) == hash(two)
    assert one != IdentityRef(other)
    assert one != array.shape
    del array
    assert one != two
    assert one == one  # noqa: PLR0124
