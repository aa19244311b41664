"""What a run remembers: losses, weights and settings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.training import timeline
from bigram_tui.training.timeline import (
    FEWEST,
    KEYFRAME_BYTES,
    KEYFRAMES,
    LOSS_COLUMNS,
    SCARCE,
    SCARCE_BYTES,
    Keyframes,
    Rows,
    Settings,
    memory,
)

# Rows

appends = st.tuples(st.just("append"), st.integers(1, 150))
extensions = st.tuples(st.just("extend"), st.integers(0, 300))
truncations = st.tuples(st.just("truncate"), st.integers(0, 300))


@given(st.lists(appends | extensions | truncations, max_size=12))
def test_a_view_never_changes_whatever_comes_after(operations: list[tuple[str, int]]) -> None:
    history = Rows(LOSS_COLUMNS)
    rows: list[list[float]] = []
    views, number = [], 0.0
    for kind, amount in operations:
        if kind == "append":
            for _ in range(amount):
                number += 1
                history.append(number, -number, number / 2, 0.5)
                rows.append([number, -number, number / 2, 0.5])
        elif kind == "extend":
            more = [[number + i, -number - i, (number + i) / 2, 1.5] for i in range(1, amount + 1)]
            number += amount
            history.extend(np.array(more).reshape(-1, LOSS_COLUMNS))
            rows.extend(more)
        else:
            history.truncate(amount)
            del rows[amount:]
        assert len(history) == len(rows)
        views.append((history.view(), list(rows)))
    for view, expected in views:
        assert view.shape == (len(expected), 4)
        assert view.tolist() == expected
    assert all(history.row(i) == row for i, row in enumerate(rows))


def test_a_view_is_read_only() -> None:
    history = Rows(LOSS_COLUMNS)
    history.append(1, 2, 3, 4)
    with pytest.raises(ValueError, match="read-only"):
        history.view()[0, 0] = 5
    history.append(5, 6, 7, 8)
    assert history.view().tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_a_long_history_takes_at_most_twice_its_rows() -> None:
    history = Rows(LOSS_COLUMNS)
    for i in range(10_000):
        history.append(i, 0, 0, 0)
    base = history.view().base
    assert base is not None
    assert base.nbytes <= 2 * 10_000 * 4 * 8


def test_to_extend_is_to_append_row_by_row() -> None:
    rows = np.random.default_rng(0).normal(size=(1000, 3))
    at_once, one_by_one, in_pieces = Rows(3), Rows(3), Rows(3)
    at_once.extend(rows)
    for row in rows:
        one_by_one.append(*row)
    for start, stop in ((0, 1), (1, 64), (64, 64), (64, 65), (65, 700), (700, 1000)):
        in_pieces.extend(rows[start:stop])
        assert len(in_pieces) == stop
        np.testing.assert_array_equal(in_pieces.view(), rows[:stop])
    for table in (at_once, one_by_one, in_pieces):
        np.testing.assert_array_equal(table.view(), rows)
        assert table.row(999) == rows[999].tolist()


def test_what_it_was_extended_by_is_copied() -> None:
    table, mine = Rows(2), np.array([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(40):
        table.extend(mine)
    mine[:] = 7
    assert table.view().tolist() == [[1, 2], [3, 4]] * 40


def test_rows_of_another_width_are_refused_and_nothing_is_added() -> None:
    table = Rows(3)
    table.append(1, 2, 3)
    for length in (2, 200):
        with pytest.raises(ValueError, match="broadcast"):
            table.extend(np.zeros((length, 4)))
        assert table.view().tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("piece", [1, 7, 63, 64, 65, 4096, 100_000])
def test_a_table_that_is_extended_takes_at_most_twice_its_rows(piece: int) -> None:
    table = Rows(3)
    for start in range(0, 100_000, piece):
        table.extend(np.zeros((min(piece, 100_000 - start), 3)))
    base = table.view().base
    assert base is not None
    assert table.view().shape == (100_000, 3)
    assert base.nbytes <= 2 * 100_000 * 3 * 8


def test_extending_piece_by_piece_seldom_copies() -> None:
    table, bases = Rows(3), set[int]()
    kept = []
    for _ in range(10_000):
        table.extend(np.zeros((10, 3)))
        kept.append(table.view().base)
        bases.add(id(kept[-1]))
    assert len(bases) < 20


# Keyframes


@given(st.integers(1, 3000))
def test_keyframes_are_the_multiples_of_a_stride_and_never_too_many(length: int) -> None:
    keyframes = Keyframes()
    for i in range(length):
        keyframes.offer(i, np.full((1, 1), i))
        assert len(keyframes) <= timeline.KEYFRAMES
    stride = keyframes.stride
    assert stride.bit_count() == 1
    assert len(keyframes) == -(-length // stride)
    for iteration in {0, length // 3, length // 2, length - 1, length + 7}:
        found = keyframes.nearest(iteration)
        assert found is not None
        start, weights = found
        assert start == min(iteration, length - 1) // stride * stride
        assert weights[0, 0] == start


@pytest.mark.parametrize(
    ("budget", "expected"), [(1 << 20, 256), (100 * 800, 100), (799, SCARCE), (0, SCARCE)]
)
def test_large_weights_are_kept_as_far_as_the_memory_goes_but_always_a_few(
    monkeypatch: pytest.MonkeyPatch, budget: int, expected: int
) -> None:
    monkeypatch.setattr(timeline, "KEYFRAME_BYTES", budget)
    keyframes = Keyframes()
    most = 0
    for i in range(1200):
        keyframes.offer(i, np.full((10, 10), float(i)))  # 800 bytes
        most = max(most, len(keyframes))
    assert most == expected
    assert len(keyframes) > expected // 2 - 1
    found = keyframes.nearest(1199)
    assert found is not None
    assert found[0] == found[1][0, 0]
    assert 1199 - found[0] < keyframes.stride


class Weights:
    """As large as it says, and of no memory."""

    def __init__(self, size: int, iteration: int) -> None:
        self.shape = (size, size)
        self.iteration = iteration


@pytest.mark.parametrize(
    ("size", "kept", "recent"),
    [
        (27, KEYFRAMES, 4),
        (512, 32, 4),
        (2048, 4, 4),
        (4096, 4, 4),
        (5000, 2, 2),
        (10_000, 2, 2),
    ],
)
def test_the_memory_of_keyframes_is_bounded_for_any_vocabulary(
    size: int, kept: int, recent: int
) -> None:
    keyframes = Keyframes()
    most = most_recent = 0
    for i in range(1000):
        keyframes.offer(i, Weights(size, i))
        most = max(most, len(keyframes))
    for i in range(100, 200):
        keyframes.pass_by(i, Weights(size, i))
        most_recent = max(most_recent, len(keyframes._recent))
    assert (most, most_recent) == (kept, recent)
    each = memory(Weights(size, 0))
    bound = max(KEYFRAME_BYTES, SCARCE_BYTES, FEWEST * each)
    assert max(most, most_recent) * each <= bound
    assert memory(Weights(10_000, 0)) == 800_000_000

    # The start is always there, another at most half of the way behind, and the last of a replay.
    assert keyframes.nearest(1)[0] in (0, 1)  # type: ignore[index]
    assert keyframes.nearest(999)[0] >= 500  # type: ignore[index]
    for i in range(200 - recent, 200):
        assert keyframes.nearest(i)[1].iteration == i  # type: ignore[index]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, 120),
        (np.zeros((10, 10)), 60),
        ((np.zeros((10, 10)), np.zeros((10, 10))), 40),
        (np.zeros((5, 10, 10), np.float32), 20),
    ],
    ids=["none", "one", "two", "large"],
)
def test_a_state_takes_memory_too(
    monkeypatch: pytest.MonkeyPatch, state: object, expected: int
) -> None:
    monkeypatch.setattr(timeline, "KEYFRAME_BYTES", 120 * 800)
    keyframes = Keyframes()
    most = 0
    for i in range(400):
        keyframes.offer(i, (np.full((10, 10), float(i)), state))
        most = max(most, len(keyframes))
    assert most == expected
    found = keyframes.nearest(399)
    assert found is not None
    assert found[1][0][0, 0] == found[0]
    assert found[1][1] is state


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (None, 0),
        (3, 8),
        (np.array(3), 8),
        (np.zeros((3, 4)), 96),
        (np.zeros((3, 4), np.int8), 96),
        ((), 0),
        ((np.zeros(2), None, (np.zeros(3), 1.5)), 48),
    ],
)
def test_memory_is_that_of_eight_bytes_for_each_number(arrays: object, expected: int) -> None:
    assert memory(arrays) == expected


def test_the_stride_doubles_when_there_would_be_one_too_many() -> None:
    keyframes = Keyframes()
    strides = []
    for i in range(1025):
        keyframes.offer(i, np.zeros((2, 2)))
        strides.append(keyframes.stride)
    assert [strides.index(stride) for stride in (1, 2, 4, 8)] == [0, 256, 512, 1024]


def test_models_without_weights_leave_no_keyframe() -> None:
    keyframes = Keyframes()
    keyframes.offer(0, None)
    assert len(keyframes) == 0
    assert keyframes.nearest(5) is None


def test_truncated_keyframes_are_gone_and_can_be_replaced() -> None:
    keyframes = Keyframes()
    for i in range(10):
        keyframes.offer(i, np.full((1, 1), i))
    keyframes.truncate(4)
    assert len(keyframes) == 4
    assert keyframes.nearest(9) == (3, np.full((1, 1), 3))
    keyframes.offer(4, np.full((1, 1), 40))
    assert keyframes.nearest(9) == (4, np.full((1, 1), 40))
    keyframes.truncate(0)
    assert keyframes.nearest(9) is None


# Settings


def test_settings_hold_from_where_they_were_put_on() -> None:
    settings = Settings({"a": 1})
    settings.put(3, {"a": 2})
    settings.put(5, {"a": 3})
    assert [settings.at(i)["a"] for i in range(7)] == [1, 1, 1, 2, 2, 3, 3]
    assert [start for start, _ in settings.spans] == [0, 3, 5]


def test_settings_are_the_same_object_until_they_change() -> None:
    settings = Settings({"a": 1})
    settings.put(3, {"a": 1})
    assert settings.at(0) is settings.at(2)
    assert settings.at(3) is settings.at(99)
    assert settings.at(2) is not settings.at(3)  # equal, and yet put anew


@pytest.mark.parametrize(
    ("start", "expected", "changes"),
    [(5, [1, 1, 1, 2, 2, 9, 9], (3, 5)), (4, [1, 1, 1, 2, 9, 9, 9], (3, 4)),
     (3, [1, 1, 1, 9, 9, 9, 9], (3,)), (1, [1, 9, 9, 9, 9, 9, 9], (1,)), (0, [9] * 7, ())],
)  # fmt: skip
def test_what_is_put_replaces_all_that_was_set_for_later(
    start: int, expected: list[int], changes: tuple[int, ...]
) -> None:
    settings = Settings({"a": 1})
    settings.put(3, {"a": 2})
    settings.put(5, {"a": 3})
    settings.put(start, {"a": 9})
    assert [settings.at(i)["a"] for i in range(7)] == expected
    assert [start for start, _ in settings.spans[1:]] == list(changes)


def test_settings_keep_a_copy_that_nobody_changes() -> None:
    values = {"a": 1}
    settings = Settings(values)
    values["a"] = 2
    assert settings.at(0)["a"] == 1
    with pytest.raises(TypeError):
        settings.at(0)["a"] = 3  # type: ignore[index]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers()), max_size=10))
def test_settings_are_those_of_a_list_with_one_entry_per_iteration(
    puts: list[tuple[int, int]],
) -> None:
    settings = Settings({"a": None})
    everything: list[int | None] = [None] * 25
    for start, value in puts:
        settings.put(start, {"a": value})
        everything[start:] = [value] * (25 - start)
    assert [settings.at(i)["a"] for i in range(25)] == everything
