"""Sampling names, against the lecture's loop that calls torch.multinomial for each character.

From the same seed, a newer torch draws others than we do: what they have in common is the table.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from benchmarks.conftest import Measure
from benchmarks.rivals import SEED, sample_by_multinomial
from bigram_tui.analysis.smoothing import counting_table
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.model.bigrams import Matrix
from bigram_tui.model.sampling import draw_samples, uniforms

COUNT = 1000


@pytest.fixture(scope="module")
def table(names: Corpus) -> Matrix:
    return counting_table(names.train, 1.0)


def by_ours(names: Corpus, table: Matrix) -> list[str]:
    drawn = draw_samples(table, names.train.vocabulary, uniforms(SEED), COUNT)
    return [name.text + "." for name in drawn]


def by_multinomial(names: Corpus, table: Matrix) -> list[str]:
    return sample_by_multinomial(torch.tensor(table), names.train.vocabulary.labels, COUNT)


def check_both_draw_from_the_table(names: Corpus, table: Matrix) -> None:
    index = names.train.vocabulary.index
    entropies = -(table * np.log(table)).sum(axis=1)
    for draw in (by_ours, by_multinomial):
        drawn = draw(names, table)
        assert len(drawn) == COUNT
        places = [[index[c] for c in "." + name] for name in drawn]
        pairs = np.array([pair for tokens in places for pair in pairwise(tokens)])
        first, second = pairs.T
        # What surprises more or less than it should, has mean 0; its spread is below 1.5.
        excess = -np.log(table[first, second]) - entropies[first]
        assert abs(excess.mean()) < 5 * 1.5 / math.sqrt(len(pairs))


def bench_multinomial(measure: Measure, names: Corpus, table: Matrix) -> None:
    measure(lambda: by_multinomial(names, table), rounds=5)


def bench_ours(measure: Measure, names: Corpus, table: Matrix) -> None:
    measure(lambda: by_ours(names, table), rounds=15)
