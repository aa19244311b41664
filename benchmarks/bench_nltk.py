"""Reading names, counting and their perplexity, against nltk.lm at order 2.

nltk pads a line with <s> and </s> where we have one token for both ends, and its vocabulary holds
<UNK> besides: 29 tokens, not 27. Nothing follows </s>, and nothing comes before <s> or is <UNK>,
so the maximum likelihood estimate is the same. Laplace's is (N + 1) / (n + 29), which is ours for a
vocabulary with two more characters that never occur. The perplexity is exp(NLL) over all bigrams,
the last one of each line, with </s>, among them.
"""

import math

import numpy as np
import pytest
from nltk.lm import MLE, Laplace
from nltk.lm.api import LanguageModel
from nltk.lm.preprocessing import pad_both_ends, padded_everygram_pipeline
from nltk.util import bigrams

from benchmarks.conftest import Measure
from bigram_tui.analysis.smoothing import counting_table
from bigram_tui.corpus.bundled import bundled_names
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.model.bigrams import Bigrams, Vocabulary
from bigram_tui.model.loss import negative_log_likelihood, perplexity

TWO_MORE = "{|"
"""Characters after z that names do not hold, for nltk's <UNK> and its other end of a line."""


def by_nltk(kind: type[LanguageModel]) -> float:
    """Read, count, and look back at the same names."""
    lines = bundled_names().read_text("utf-8").split()
    model = kind(2)
    model.fit(*padded_everygram_pipeline(2, lines))
    pairs = [pair for line in lines for pair in bigrams(pad_both_ends(line, n=2))]
    return float(model.perplexity(pairs))


def by_ours(smoothing: float) -> float:
    """The same, with nltk's 29 tokens."""
    counted = read_corpus(str(bundled_names())).train
    vocabulary = Vocabulary(counted.vocabulary.characters + TWO_MORE)
    text = Bigrams(vocabulary, np.pad(counted.counts, (0, len(TWO_MORE))))
    return perplexity(negative_log_likelihood(counting_table(text, smoothing), text))


@pytest.mark.parametrize(("kind", "smoothing"), [(MLE, 0.0), (Laplace, 1.0)])
def check_the_perplexities_agree(kind: type[LanguageModel], smoothing: float) -> None:
    assert math.isclose(by_nltk(kind), by_ours(smoothing), rel_tol=1e-9)


def bench_mle(measure: Measure) -> None:
    measure(lambda: by_nltk(MLE))


def bench_ours_mle(measure: Measure) -> None:
    measure(lambda: by_ours(0.0), rounds=5)


def bench_laplace(measure: Measure) -> None:
    measure(lambda: by_nltk(Laplace))


def bench_ours_laplace(measure: Measure) -> None:
    measure(lambda: by_ours(1.0), rounds=5)
