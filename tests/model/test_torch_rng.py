"""The lecture's generator draws what torch draws, and the numbers of the lecture come out."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.model.torch_rng import LectureGenerator, start_weights

Draw = tuple[str, int]

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.one_of(
    st.integers(0, 15),  # torch draws fewer than 16 normals one by one
    st.integers(1, 200).map(lambda blocks: 16 * blocks),
    st.integers(16, 3000),
)
DRAWS: st.SearchStrategy[Draw] = st.tuples(
    st.sampled_from(["uniform", "uniform32", "normal"]), SIZES
)


def draw_with_torch(torch: Any, kind: str, size: int, generator: Any) -> npt.NDArray[Any]:
    """The draw of torch that LectureGenerator's method of this name stands for."""
    draws = {
        "uniform": lambda: torch.rand(size, dtype=torch.float64, generator=generator),
        "uniform32": lambda: torch.rand(size, dtype=torch.float32, generator=generator),
        "normal": lambda: torch.randn(size, dtype=torch.float32, generator=generator),
    }
    return np.asarray(draws[kind]().numpy())


def assert_draws_agree(seed: int, draws: list[Draw]) -> None:
    """Draws made one after the other are torch's: uniforms exactly, normals to 1e-6."""
    torch = pytest.importorskip("torch")
    theirs = torch.Generator().manual_seed(seed)
    ours = LectureGenerator(seed)
    for kind, size in draws:
        expected = draw_with_torch(torch, kind, size, theirs)
        drawn = getattr(ours, kind)(size)
        assert drawn.dtype == expected.dtype
        tolerance = 1e-6 if kind == "normal" else 0
        np.testing.assert_allclose(drawn, expected, rtol=0, atol=tolerance)


@given(SEEDS, DRAWS)
@example(0, ("uniform", 100))
@example(2**32 - 1, ("uniform", 100))
@example(LECTURE_SEED, ("normal", 15))
@example(LECTURE_SEED, ("normal", 16))
@example(LECTURE_SEED, ("normal", 17))
def test_a_first_draw_is_that_of_torch(seed: int, draw: Draw) -> None:
    assert_draws_agree(seed, [draw])


@given(SEEDS, st.lists(DRAWS, min_size=2, max_size=8))
def test_mixed_draws_continue_one_stream(seed: int, draws: list[Draw]) -> None:
    assert_draws_agree(seed, draws)


def test_an_empty_draw_takes_nothing_from_the_stream() -> None:
    generator = LectureGenerator(LECTURE_SEED)
    for kind in ("uniform", "uniform32", "normal"):
        assert getattr(generator, kind)(0).size == 0
    assert generator.uniform(1) == LectureGenerator(LECTURE_SEED).uniform(1)


def test_the_spare_normal_outlives_other_draws() -> None:
    assert_draws_agree(
        LECTURE_SEED,
        [("normal", 3), ("uniform", 5), ("normal", 40), ("uniform32", 1), ("normal", 2)],
    )


def test_a_million_normals_stay_within_the_tolerance() -> None:
    assert_draws_agree(LECTURE_SEED, [("normal", 1_000_003)])


@pytest.mark.parametrize("shape", [(), (0,), (3, 4), (27, 27), (2, 3, 5)])
def test_normals_take_any_shape(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    expected = torch.randn(shape, generator=torch.Generator().manual_seed(7)).numpy()
    drawn = LectureGenerator(7).normal(*shape)
    assert drawn.shape == shape
    np.testing.assert_allclose(drawn, expected, rtol=0, atol=1e-6)


def test_start_weights_are_the_normals_of_a_fresh_generator() -> None:
    weights = start_weights(27)
    assert weights.dtype == np.float64
    np.testing.assert_array_equal(weights, LectureGenerator(LECTURE_SEED).normal(27, 27))


def test_emma_starts_with_the_probabilities_and_the_loss_of_the_lecture() -> None:
    x, y = [0, 5, 13, 13, 1], [5, 13, 13, 1, 0]  # .emma.
    odds = np.exp(start_weights(27)[x])
    probabilities = (odds / odds.sum(axis=1, keepdims=True))[range(5), y]
    printed = [0.0122863, 0.0180507, 0.0266915, 0.0736769, 0.0149775]
    np.testing.assert_allclose(probabilities, printed, rtol=0, atol=5.1e-8)
    assert -np.log(probabilities).mean() == pytest.approx(3.769305, rel=0, abs=5.1e-7)


def test_the_stream_is_known_without_torch() -> None:
    printed = [0.66503138, 0.84345896, 0.72355351, 0.05797621]
    np.testing.assert_allclose(
        LectureGenerator(LECTURE_SEED).uniform(4), printed, rtol=0, atol=5e-9
    )


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=f"from 0 to 4294967295, not {seed}"):
        LectureGenerator(seed)


@given(SEEDS, st.lists(st.sampled_from([0, 1, 2, 623, 625, 5000, 8191, 8192, 20000]), max_size=6))
@example(LECTURE_SEED, [5000, 8192, 1])
def test_the_words_are_those_of_numpys_mt19937_however_many_are_drawn(
    seed: int, sizes: list[int]
) -> None:
    ours, theirs = LectureGenerator(seed), np.random.RandomState(seed)
    for size in sizes:
        words = ours._words(size)
        assert words.dtype == np.uint32
        expected = theirs.randint(0, 2**32, size=size, dtype=np.uint32)
        assert words.tolist() == expected.tolist()
