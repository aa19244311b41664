"""Counts what follows each context of 1, 2, … characters: counting beyond the bigram.

The whole table of contexts would not fit into memory, so only the pairs that occur, of a context
and the token after it, are counted. The key of a pair is one number: its n + 1 tokens as digits in
base V.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.counter import LINE_END, Alphabet
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.items import read_items
from bigram_tui.corpus.progress import OnProgress
from bigram_tui.defaults import LECTURE_SEED
from bigram_tui.model.bigrams import BOUNDARY, Counts

Tokens = npt.NDArray[np.uint16]
Keys = npt.NDArray[np.uint64]

LONGEST = 6
"""The most characters of a context."""

SAMPLE_SIZE = 4_000_000
"""The most characters that are read again, blanks included: they are counted in a few seconds."""

CHUNK_SIZE = 1 << 20
"""The keys that are counted at a time, 8 bytes each."""

OWN_SPLIT = (9, 1)
"""The shares of training and held-out lines, if the corpus itself is not split."""

SMOOTHING = tuple(10.0 ** (tenth / 10) for tenth in range(-40, 11))
"""The candidates for the best α: from 1e-4 to 10, ten a decade."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The part of a corpus that was read again to count its contexts.

    Tokens are numbered anew, except for the boundary. Before each line there are LONGEST
    boundaries, and after the last one more.
    """

    vocabulary_size: int
    """V of the whole corpus."""
    train: Tokens
    """The tokens of the training lines."""
    held_out: Tokens | None
    """The tokens of the held-out lines; None if there are none."""
    lines: int
    """The number of lines that were read, in all parts."""
    predictions: int
    """The number of characters and line ends that were read, in all parts."""
    whole: bool
    """Whether the whole corpus was read."""
    own_split: bool
    """Whether lines were held out here, because the corpus itself is not split."""

    @property
    def longest(self) -> int:
        """The largest n, up to LONGEST, for which keys below Vⁿ⁺¹ fit into 64 bits."""
        return max(n for n in range(1, LONGEST + 1) if self.vocabulary_size ** (n + 1) <= 1 << 64)


@dataclass(frozen=True)
class HeldOut:
    """The predictions of a context model on lines that it was not counted from."""

    predictions: int
    """The number of predictions: one for each character and for the end of each line."""
    unseen_contexts: int
    """The number of predictions after a context that training lacks."""
    unseen_pairs: int
    """The number of predictions of probability 0 without smoothing, unseen contexts included."""
    unsmoothed_nll: float
    """The nll at α = 0; ∞ if a pair is unseen."""
    smoothing: float
    """The α of SMOOTHING with the lowest nll on these lines, which so are not new to it."""
    nll: float
    """The nll of these lines at that α."""
    train_nll: float
    """The nll of the training lines at that α."""


@dataclass(frozen=True)
class ContextModel:
    """A model that predicts each token from the n before it, by counting; n = 1 is the bigram.

    Every nll is in nats per prediction.
    """

    order: int
    """n, the number of tokens of a context."""
    possible: int
    """Vⁿ, the number of possible contexts."""
    cells: int
    """Vⁿ⁺¹, the number of cells of the whole table."""
    contexts: int
    """The number of distinct contexts in training."""
    pairs: int
    """The number of cells that are not 0: the distinct pairs in training."""
    predictions: int
    """B, the number of predictions in training; the same for every n."""
    train_nll: float
    """The nll of the training lines at α = 0."""
    held_out: HeldOut | None
    """The predictions on held-out lines; None if there are none."""


def read_sample(
    corpus: Corpus,
    *,
    split: Sequence[int] | None = None,
    seed: int = LECTURE_SEED,
    limit: int = SAMPLE_SIZE,
    progress: OnProgress | None = None,
) -> Sample:
    """Read the start of a corpus again, as tokens.

    split, seed: as the corpus was counted. Its validation lines are held out; without a split,
    one distinct line in ten, or none if there are fewer than ten. limit: the most characters, as
    of `read_items`. progress: as of `read_corpus`.
    Raises CorpusError if the text can't be read again, has changed, or has no training line.
    """
    # A corpus does not keep its distinct lines if they are too many, so then there are enough.
    distinct = corpus.lines if corpus.items is None else len(corpus.items)
    own_split = split is None and distinct >= sum(OWN_SPLIT)
    alphabet, lines, predictions = Alphabet(), 0, 0
    fold = corpus.train.vocabulary.fold
    parts: tuple[list[Tokens], ...] = ([], [])
    for items, dealt in read_items(
        *corpus.paths,
        split=OWN_SPLIT if own_split else split,
        seed=seed,
        limit=limit,
        until=corpus.until,
        progress=progress,
    ):
        for part, pieces in enumerate(parts):
            mine = [item for item, of in zip(items, dealt.tolist(), strict=True) if of == part]
            if mine:
                text = fold("".join(LINE_END * LONGEST + item for item in mine))
                pieces.append(alphabet.encode(text).astype(np.uint16))
        lines += len(items)
        predictions += sum(map(len, items)) + len(items)
        if len(alphabet.codes) > len(corpus.train.vocabulary) or predictions > corpus.bigrams:
            raise CorpusError(f"{corpus.path!r} has changed since it was counted: start again")
    end = np.full(1, BOUNDARY, np.uint16)
    train, held_out = (np.concatenate([*pieces, end]) if pieces else None for pieces in parts)
    if train is None:
        raise CorpusError(
            f"{corpus.path!r} has no line for training in its first {limit:,} characters"
        )
    return Sample(
        vocabulary_size=len(corpus.train.vocabulary),
        train=train,
        held_out=held_out,
        lines=lines,
        predictions=predictions,
        whole=predictions == corpus.bigrams,
        own_split=own_split,
    )


def context_models(
    sample: Sample,
    *,
    progress: Callable[[int, int], None] | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Iterator[ContextModel]:
    """Yield the models of n = 1, 2, … tokens up to `sample.longest`, each when it is counted.

    P(c | context) = (N(context, c) + α) / (N(context) + αV), which is 1/V after an unseen context.
    Before a line there are boundaries enough for every n to make the same predictions.
    progress: called after each chunk with the predictions counted so far, and how many there are
    for all n together; an exception of it ends the counting.
    """
    size = sample.vocabulary_size
    texts = [text for text in (sample.train, sample.held_out) if text is not None]
    done, total = 0, sample.longest * sum(int(_is_predicted(text).sum()) for text in texts)

    def counted(text: Tokens, order: int) -> Iterator[Keys]:
        nonlocal done
        for keys in _keys(text, order, size, chunk_size):
            yield keys
            done += keys.size
            if progress is not None:
                progress(done, total)

    for order in range(1, sample.longest + 1):
        yield _model(order, size, *(_table(counted(text, order), size) for text in texts))


@dataclass(frozen=True, eq=False)
class _Table:
    """The sorted keys of the distinct pairs and contexts of a text, and their counts."""

    vocabulary_size: int
    pairs: Keys
    pair_times: Counts
    contexts: Keys
    context_times: Counts

    @property
    def predictions(self) -> int:
        return int(self.pair_times.sum())

    def counts_for(self, text: "_Table") -> "_Table":
        """Return the pairs and contexts of another text with their counts in this one."""
        return replace(
            text,
            pair_times=_looked_up(text.pairs, self.pairs, self.pair_times),
            context_times=_looked_up(text.contexts, self.contexts, self.context_times),
        )

    def nll(self, known: "_Table", smoothing: float) -> float:
        """−Σ log P / B of this text, with P from the known counts of its pairs and contexts."""
        contexts = np.log(known.context_times + smoothing * self.vocabulary_size)
        pairs = np.log(known.pair_times + smoothing)
        total = (self.context_times * contexts).sum() - (self.pair_times * pairs).sum()
        return max(0.0, float(total) / self.predictions)  # rounding may give less than 0


def _model(order: int, size: int, train: _Table, text: _Table | None = None) -> ContextModel:
    return ContextModel(
        order=order,
        possible=size**order,
        cells=size ** (order + 1),
        contexts=train.contexts.size,
        pairs=train.pairs.size,
        predictions=train.predictions,
        train_nll=train.nll(train, 0),
        held_out=None if text is None else _held_out(train, text),
    )


def _held_out(train: _Table, text: _Table) -> HeldOut:
    known = train.counts_for(text)
    unseen_pairs = int(text.pair_times[known.pair_times == 0].sum())
    nll, smoothing = min((text.nll(known, alpha), alpha) for alpha in SMOOTHING)
    return HeldOut(
        predictions=text.predictions,
        unseen_contexts=int(text.context_times[known.context_times == 0].sum()),
        unseen_pairs=unseen_pairs,
        unsmoothed_nll=math.inf if unseen_pairs else text.nll(known, 0),
        smoothing=smoothing,
        nll=nll,
        train_nll=train.nll(train, smoothing),
    )


# Keys


def _is_predicted(text: Tokens) -> npt.NDArray[np.bool_]:
    """Whether each token but the first is predicted: all but the boundaries before a line."""
    predicted: npt.NDArray[np.bool_] = (text[1:] | text[:-1]) != BOUNDARY
    return predicted


def _keys(text: Tokens, order: int, size: int, chunk_size: int) -> Iterator[Keys]:
    """The keys of all predictions: the context, then the token as the last digit."""
    for start in range(0, text.size - order, chunk_size):
        piece = text[start : start + chunk_size + order]
        keys = np.zeros(piece.size - order, np.uint64)
        for digit in range(order + 1):
            keys *= size
            keys += piece[digit : digit + keys.size]
        yield keys[_is_predicted(piece[order - 1 :])]


def _table(keys: Iterable[Keys], size: int) -> _Table:
    pairs, times = _counted(keys)
    return _Table(size, pairs, times, *_summed(pairs // np.uint64(size), times))


def _counted(chunks: Iterable[Keys]) -> tuple[Keys, Counts]:
    """The distinct keys, sorted, and their counts.

    A merged result is merged again only with one at least half as large, so that each key is
    merged a few times only.
    """
    merged: list[tuple[Keys, Counts]] = []
    for chunk in chunks:
        merged.append(np.unique(chunk, return_counts=True))
        while len(merged) > 1 and merged[-2][0].size <= 2 * merged[-1][0].size:
            merged.append(_merged(merged.pop(), merged.pop()))
    return reduce(_merged, reversed(merged))


def _merged(one: tuple[Keys, Counts], other: tuple[Keys, Counts]) -> tuple[Keys, Counts]:
    keys, times = (np.concatenate(both) for both in zip(one, other, strict=True))
    order = np.argsort(keys)
    return _summed(keys[order], times[order])


def _summed(keys: Keys, times: Counts) -> tuple[Keys, Counts]:
    """The distinct keys among sorted ones, and the sum of the counts of each."""
    first = np.ones(keys.size, np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(first)
    return keys[starts], np.add.reduceat(times, starts)


def _looked_up(queries: Keys, keys: Keys, times: Counts) -> Counts:
    """The count of each query among sorted keys; 0 if it is not among them."""
    where = np.searchsorted(keys, queries)
    return np.where(keys.take(where, mode="clip") == queries, times.take(where, mode="clip"), 0)
