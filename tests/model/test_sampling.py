"""Names drawn by inverse CDF."""

import math
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate, chain, islice, pairwise, repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram_tui.corpus.corpus import Corpus
from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.sampling import (
    LONGEST,
    Divergence,
    PairedSample,
    Sample,
    UniformStream,
    draw_paired_samples,
    draw_samples,
    uniforms,
)
from bigram_tui.training.session import Session

JUST_BELOW_1 = math.nextafter(1.0, 0.0)

any_uniforms = st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, JUST_BELOW_1])
seeds = st.integers(0, 2**32 - 1)


@st.composite
def tables(draw: st.DrawFn, size: int | None = None) -> Matrix:
    """Rows that sum to 1, many of whose cells are 0."""
    size = size or draw(st.integers(1, 5))
    cells = st.just(0.0) | st.floats(1e-9, 1)
    table = draw(hnp.arrays(np.float64, (size, size), elements=cells))
    table[:, draw(st.integers(0, size - 1))] += table.sum(axis=1) == 0
    return table / table.sum(axis=1, keepdims=True)


def vocabulary_of(table: Matrix) -> Vocabulary:
    return Vocabulary("abcd"[: len(table) - 1])


def stream_of(numbers: Iterable[float]) -> UniformStream:
    """Return a stream of given numbers, which ends if they do."""
    left = iter(numbers)
    return UniformStream(lambda count: np.array(list(islice(left, count))))


def follow(row: list[float], uniform: float) -> int:
    """The first token at which the running sum, as a share of the whole sum, exceeds u."""
    whole = 0.0
    for probability in row:
        whole += probability
    running = 0.0
    for token, probability in enumerate(row):
        running += probability
        if running / whole > uniform:
            return token
    raise AssertionError("the running sum ends at 1, and u is below 1")


@given(tables(), st.lists(any_uniforms, max_size=60), st.integers(1, 8), st.integers(1, 8))
def test_each_token_is_where_the_running_sum_first_exceeds_the_uniform(
    table: Matrix, numbers: list[float], longest: int, count: int
) -> None:
    vocabulary = vocabulary_of(table)
    stream = chain(numbers, repeat(0.5))
    expected = []
    for _ in range(count):
        text, token = "", 0
        while len(text) < longest:
            token = follow(table[token].tolist(), next(stream))
            if token == 0:
                break
            text += vocabulary.labels[token]
        expected.append(Sample(text, ended=token == 0))
    drawn = draw_samples(table, vocabulary, stream_of(chain(numbers, repeat(0.5))), count, longest)
    assert drawn == expected


@given(tables(), st.lists(any_uniforms, min_size=1), st.integers(1, 8))
def test_what_has_probability_0_is_never_drawn(
    table: Matrix, numbers: list[float], count: int
) -> None:
    vocabulary = vocabulary_of(table)
    stream = stream_of(chain(numbers, repeat(0.5)))
    for name in draw_samples(table, vocabulary, stream, count, longest=20):
        tokens = [0, *(vocabulary.index[character] for character in name.text)]
        tokens += [0] * name.ended
        assert all(table[i, j] > 0 for i, j in pairwise(tokens))


@pytest.mark.parametrize(("uniform", "expected"), [(0.0, "b"), (JUST_BELOW_1, "c")])
def test_the_ends_of_the_interval_belong_to_the_first_and_the_last_possible_token(
    uniform: float, expected: str
) -> None:
    # Tenths do not sum to 1 exactly, and there are impossible tokens at both ends.
    table = np.array([[0, 0, 0.7, 0.3 - 1e-16, 0]] + [[1.0, 0, 0, 0, 0]] * 4)
    stream = stream_of([uniform, 0.5])
    assert draw_samples(table, Vocabulary("abcd"), stream, 1) == [Sample(expected)]


@given(tables(), seeds, st.integers(0, 10), st.integers(0, 10))
def test_the_first_names_do_not_depend_on_how_many_are_asked_for(
    table: Matrix, seed: int, few: int, more: int
) -> None:
    vocabulary = vocabulary_of(table)
    all_names = draw_samples(table, vocabulary, uniforms(seed), few + more)
    assert len(all_names) == few + more
    assert draw_samples(table, vocabulary, uniforms(seed), few) == all_names[:few]
    stream = uniforms(seed)
    parts = [draw_samples(table, vocabulary, stream, count) for count in (few, more)]
    assert parts[0] + parts[1] == all_names


def test_another_seed_gives_other_names(names: Bigrams) -> None:
    table = names.counts / names.row_sums[:, None]
    first, again, other = (
        draw_samples(table, names.vocabulary, uniforms(seed), 20) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@given(st.data(), seeds)
def test_two_tables_part_only_where_they_differ(data: st.DataObject, seed: int) -> None:
    table = data.draw(tables())
    row = data.draw(st.integers(0, len(table) - 1))
    changed = table.copy()
    changed[row] = np.eye(len(table))[data.draw(st.integers(0, len(table) - 1))]
    label = vocabulary_of(table).labels[row]

    def walk(table: Matrix) -> str:
        drawn = draw_samples(table, vocabulary_of(table), uniforms(seed), 10, longest=30)
        return "." + "".join(name.text + "." * name.ended + "/" for name in drawn)

    ours, theirs = walk(table), walk(changed)
    # Up to and with the first character whose row is not the same, nothing differs.
    same = ours.find(label) + 1 or len(ours)
    assert ours[:same] == theirs[:same]


def test_a_name_is_broken_off_at_the_longest_and_takes_no_uniform_more() -> None:
    endless = np.array([[0.0, 1.0], [0.0, 1.0]])
    stream = stream_of([0.5] * 8)
    drawn = draw_samples(endless, Vocabulary("a"), stream, 2, longest=3)
    assert drawn == [Sample("aaa", ended=False)] * 2
    assert stream.peek(8).size == 2
    (name,) = draw_samples(endless, Vocabulary("a"), uniforms(1), 1)
    assert name == Sample("a" * LONGEST, ended=False)


@pytest.mark.parametrize("count", [1, 50, 250])
@pytest.mark.parametrize(
    ("size", "longest", "some_too_long"),
    [(2, 30, False), (27, 4, True), (27, LONGEST, False), (100, 9, True), (300, 40, True)],
)
def test_many_names_are_drawn_as_one_after_the_other_would_be(
    size: int, longest: int, some_too_long: bool, count: int
) -> None:
    table = np.random.default_rng(size).random((size, size)) ** 8
    table[:, 0] += table.sum(axis=1) / 8
    vocabulary = Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + size - 1))))
    numbers = uniforms(3).peek(100_000).tolist()
    stream = stream_of(numbers)
    drawn = draw_samples(table, vocabulary, stream, count, longest)
    left = numbers
    for name in drawn:
        tokens = drawn_tokens(table, left, longest)
        assert name == spelt(tokens, vocabulary)
        left = left[len(tokens) :]
    assert stream.peek(100_000).tolist() == left  # not one uniform more was taken
    if count > 1:
        assert {name.ended for name in drawn} == {True, not some_too_long}


def test_a_stream_is_the_same_however_it_is_read() -> None:
    whole, parts = uniforms(5).peek(5000), uniforms(5)
    read = []
    for size in (0, 1, 1023, 1, 2000, 3, 700):
        assert parts.peek(2 * size)[:size].tolist() == parts.peek(size).tolist()
        read += parts.peek(size).tolist()
        parts.skip(size)
    assert read == whole[: len(read)].tolist()


def test_a_table_that_holds_negative_numbers_draws_the_same_however_many_are_asked_for() -> None:
    table = np.array([[0.5, -0.25, 0.75], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25]])
    many = draw_samples(table, Vocabulary("ab"), uniforms(1), 50)
    assert draw_samples(table, Vocabulary("ab"), uniforms(1), 1) == many[:1]


def test_a_stream_that_ends_too_early_is_an_error() -> None:
    with pytest.raises(ValueError, match="ended"):
        draw_samples(np.ones((2, 2)) / 2, Vocabulary("a"), stream_of([0.6, 0.6]), 1)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_row_that_holds_nan_ends_the_name(position: int) -> None:
    table = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.25, 0.25]])
    table[2, position] = np.nan
    stream = stream_of([0.9, 0.9, 0.9])
    assert draw_samples(table, Vocabulary("ab"), stream, 1) == [Sample("ab")]


def test_a_float32_table_whose_rows_miss_1_by_a_little_still_draws(names: Bigrams) -> None:
    table = (names.counts / names.row_sums[:, None]).astype(np.float32)
    nearly_one = stream_of(repeat(JUST_BELOW_1))
    (name,) = draw_samples(table, names.vocabulary, nearly_one, 1, longest=5)
    last = {i: int(max(np.flatnonzero(row))) for i, row in enumerate(table)}
    token, expected = 0, []
    for _ in range(5):
        token = last[token]
        expected.append(token)
    assert name.text == names.vocabulary.decode(expected)


@pytest.mark.parametrize("seed", [0, 42, LECTURE_SEED, 2**32 - 1])
def test_the_uniforms_are_those_of_a_fresh_generator_of_torch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    expected = torch.rand(
        1500, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    ).tolist()
    assert uniforms(seed).peek(1500).tolist() == expected


# ComparedRun by side


@st.composite
def side_by_side(draw: st.DrawFn) -> tuple[Matrix, list[Matrix]]:
    """A reference; and its equal, one that differs in one row, and up to two of any kind."""
    reference = draw(tables())
    size = len(reference)
    changed = reference.copy()
    changed[draw(st.integers(0, size - 1))] = draw(tables(size))[0]
    return reference, [reference.copy(), changed, *draw(st.lists(tables(size), max_size=2))]


def drawn_tokens(table: Matrix, numbers: list[float], longest: int) -> list[int]:
    """The tokens of one name and the boundary that ends it, by bisection."""
    drawn: list[int] = []
    for number in numbers[:longest]:
        running = list(accumulate(table[drawn[-1] if drawn else 0].tolist()))
        drawn.append(bisect_right([part / running[-1] for part in running], number))
        if drawn[-1] == 0:
            break
    return drawn


def spelt(drawn: list[int], vocabulary: Vocabulary) -> Sample:
    text = "".join(vocabulary.labels[token] for token in drawn if token)
    return Sample(text, ended=drawn[-1] == 0)


@given(side_by_side(), st.lists(any_uniforms, max_size=60), st.integers(1, 8))
def test_every_model_begins_a_name_at_the_uniform_at_which_the_reference_does(
    case: tuple[Matrix, list[Matrix]], numbers: list[float], longest: int
) -> None:
    reference, others = case
    vocabulary = vocabulary_of(reference)
    numbers += [0.5, 0.01, 0.99] * 40
    expected: list[list[Sample]] = [[] for _ in (reference, *others)]
    left = numbers
    for _ in range(5):
        for names, table in zip(expected, (reference, *others), strict=True):
            names.append(spelt(drawn_tokens(table, left, longest), vocabulary))
        left = left[len(drawn_tokens(reference, left, longest)) :]
    beside = draw_paired_samples(reference, others, vocabulary, stream_of(numbers), 5, longest)
    assert [[each.sample for each in names] for names in beside] == expected


@given(side_by_side(), seeds, st.integers(0, 10), st.sampled_from([1, 3, LONGEST]))
def test_the_reference_draws_what_it_draws_alone_and_never_parts(
    case: tuple[Matrix, list[Matrix]], seed: int, number: int, longest: int
) -> None:
    reference, others = case
    vocabulary = vocabulary_of(reference)
    alone = draw_samples(reference, vocabulary, uniforms(seed), number, longest)
    beside = draw_paired_samples(reference, others, vocabulary, uniforms(seed), number, longest)
    assert len(beside) == 1 + len(others)
    assert beside[0] == [PairedSample(name, None) for name in alone]
    assert beside[1] == beside[0]  # an equal table
    assert draw_paired_samples(reference, [], vocabulary, uniforms(seed), number, longest) == [
        beside[0]
    ]


@given(side_by_side(), seeds, st.integers(1, 10))
def test_a_parting_is_the_first_difference_and_its_uniform_draws_both_tokens(
    case: tuple[Matrix, list[Matrix]], seed: int, longest: int
) -> None:
    reference, others = case
    vocabulary = vocabulary_of(reference)
    firsts, *rest = draw_paired_samples(reference, others, vocabulary, uniforms(seed), 8, longest)
    numbers = uniforms(seed).peek(8 * longest).tolist()
    for table, names in zip(others, rest, strict=True):
        start = 0
        for first, other in zip(firsts, names, strict=True):
            ours, theirs = (each.sample.text + "." * each.sample.ended for each in (other, first))
            divergence = other.divergence
            assert (divergence is None) == (ours == theirs)
            if divergence is not None:
                place = divergence.place
                assert ours[:place] == theirs[:place]
                assert "." not in ours[:place]
                assert divergence.after == vocabulary.index[("." + ours)[place]]
                assert divergence.token == vocabulary.index[ours[place]]
                assert divergence.reference_token == vocabulary.index[theirs[place]]
                assert divergence.token != divergence.reference_token
                assert divergence.uniform == numbers[start + place]
                row, reference_row = table[divergence.after], reference[divergence.after]
                assert follow(row.tolist(), divergence.uniform) == divergence.token
                assert (
                    follow(reference_row.tolist(), divergence.uniform) == divergence.reference_token
                )
            start += len(theirs)


REFERENCE = np.array([[0.0, 0.5, 0.5], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])


def test_names_side_by_side_by_hand() -> None:
    # After a the running sums are .25 .5 1, the reference's .5 .75 1; after b 0 .5 1, .25 .75 1.
    other = np.array([[0.0, 0.5, 0.5], [0.25, 0.25, 0.5], [0.0, 0.5, 0.5]])
    mute = np.eye(3)[[0, 0, 0]]
    numbers = [0.3, 0.8, 0.1, 0.7, 0.2, 0.0]
    beside = draw_paired_samples(REFERENCE, [other, mute], Vocabulary("ab"), stream_of(numbers), 2)
    assert beside == [
        [PairedSample(Sample("ab")), PairedSample(Sample("b"))],
        [
            PairedSample(Sample("ababa"), Divergence(2, 2, 0.1, 1, 0)),
            PairedSample(Sample("ba"), Divergence(1, 2, 0.2, 1, 0)),
        ],
        [
            PairedSample(Sample(""), Divergence(0, 0, 0.3, 0, 1)),
            PairedSample(Sample(""), Divergence(0, 0, 0.7, 0, 2)),
        ],
    ]


def test_rows_need_not_sum_to_1() -> None:
    other = np.array([[0.0, 3.0, 1.0]] * 3)
    _, (name,) = draw_paired_samples(
        2 * REFERENCE, [other], Vocabulary("ab"), stream_of(repeat(0.6)), 1, longest=1
    )
    assert name.divergence == Divergence(0, 0, 0.6, 1, 2)


@pytest.mark.parametrize(
    ("longest", "texts", "place"),
    [
        (2, ("ab", "ab"), None),
        (3, ("abc", "abc"), None),
        (4, ("abc", "abca"), 3),
        (5, ("abc", "abcab"), 3),
    ],
)
def test_names_that_are_broken_off_alike_do_not_part(
    longest: int, texts: tuple[str, str], place: int | None
) -> None:
    ends, endless = np.eye(4)[[1, 2, 3, 0]], np.eye(4)[[1, 2, 3, 1]]
    expected = [Sample(text, ended=len(text) < longest) for text in texts]
    for reference, other, order in ((ends, endless, 1), (endless, ends, -1)):
        (first,), (name,) = draw_paired_samples(
            reference, [other], Vocabulary("abc"), stream_of(repeat(0.5)), 1, longest
        )
        assert [first.sample, name.sample] == expected[::order]
        if place is None:
            assert name.divergence is None
        else:
            drawn = (1, 0) if order == 1 else (0, 1)
            assert name.divergence == Divergence(place, 3, 0.5, *drawn)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_row_that_holds_nan_parts_from_what_goes_on_but_not_from_an_end(position: int) -> None:
    broken = REFERENCE.copy()
    broken[2, position] = np.nan
    beside = draw_paired_samples(REFERENCE, [broken], Vocabulary("ab"), stream_of([0.7, 0.2]), 1)
    assert beside == [[PairedSample(Sample("b"))]] * 2
    beside = draw_paired_samples(
        broken, [broken.copy()], Vocabulary("ab"), stream_of([0.7, 0.6]), 1
    )
    assert beside == [[PairedSample(Sample("b"))]] * 2

    numbers = [0.7, 0.6, 0.1]
    _, (name,) = draw_paired_samples(REFERENCE, [broken], Vocabulary("ab"), stream_of(numbers), 1)
    assert name.sample == Sample("b")
    assert name.divergence is not None
    assert (name.divergence.place, name.divergence.after, name.divergence.uniform) == (1, 2, 0.6)
    assert (name.divergence.token, name.divergence.reference_token) == (0, 1)

    _, (name,) = draw_paired_samples(broken, [REFERENCE], Vocabulary("ab"), stream_of(numbers), 1)
    assert name.sample == Sample("ba")
    assert name.divergence is not None
    assert (name.divergence.token, name.divergence.reference_token) == (1, 0)


@pytest.mark.parametrize(("seed", "draw", "same_as"), [(7, 0, 7), (7, 3, 10), (2**32 - 1, 1, 0)])
def test_a_session_draws_side_by_side_what_it_draws_alone(
    names: Bigrams, seed: int, draw: int, same_as: int
) -> None:
    session = Session(Corpus("names.txt", 32_257, names, None, None, None), (), seed)
    reference, other = ((names.counts + n) / (names.row_sums + 27 * n)[:, None] for n in (1.0, 500))
    beside = session.sample_paired(reference, [other], 20, draw)
    assert [each.sample for each in beside[0]] == session.sample(reference, 20, draw)
    assert beside == draw_paired_samples(
        reference, [other], names.vocabulary, uniforms(same_as), 20
    )
    assert any(each.divergence for each in beside[1])
