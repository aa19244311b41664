"""Counts what follows each context of 1, 2, … characters: how counting fares beyond the bigram.

A table of contexts has more cells than could ever be held, so only the pairs of a context and the
token after it that do occur are counted, each as one number: its n + 1 tokens, digits in base V.
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
from bigram_tui.model.bigrams import BOUNDARY, Counts

Tokens = npt.NDArray[np.uint16]
Keys = npt.NDArray[np.uint64]

LONGEST = 6

# Characters, blanks too: more than the bundled names seventeen times, counted in a few seconds.
SAMPLE_SIZE = 4_000_000

# Keys that are counted at a time, 8 bytes each.
CHUNK_SIZE = 1 << 20

OWN_SPLIT = (9, 1)

SMOOTHING = tuple(10.0 ** (tenth / 10) for tenth in range(-40, 11))
"""Where the best α is looked for: from 1e-4 to 10, ten per decade."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What was read of a corpus again, for its contexts to be counted.

    vocabulary_size: V, of the whole corpus.
    train, held_out: the tokens of the lines, each line after LONGEST boundaries, and one more;
    held_out is None without such lines. Of what tokens stand for only the boundary is known.
    lines, predictions: how many were read, in all parts. whole: whether that is all of the corpus.
    own_split: whether lines were held out here, as the corpus itself was not split.
    """

    vocabulary_size: int
    train: Tokens
    held_out: Tokens | None
    lines: int
    predictions: int
    whole: bool
    own_split: bool

    @property
    def longest(self) -> int:
        """The largest n, up to LONGEST, whose Vⁿ⁺¹ cells can be told apart by 64 bits."""
        return max(n for n in range(1, LONGEST + 1) if self.vocabulary_size ** (n + 1) <= 1 << 64)


@dataclass(frozen=True)
class HeldOut:
    """How a model of contexts predicts lines that it was not counted from.

    predictions: of each character and of the end of each line. Of these,
    unseen_contexts: come after a context that training lacks, and
    unseen_pairs: have a probability of 0 without smoothing; they include the unseen contexts.
    unsmoothed_nll: at α = 0; ∞ if a pair is unseen.
    smoothing: the α of SMOOTHING with the lowest NLL here; so these lines are not new to it.
    nll, train_nll: at that α, of these lines and of the training lines.
    """

    predictions: int
    unseen_contexts: int
    unseen_pairs: int
    unsmoothed_nll: float
    smoothing: float
    nll: float
    train_nll: float


@dataclass(frozen=True)
class ContextModel:
    """A model that predicts each token from the n before it, by counting; n = 1 is the bigram.

    order: n. possible: Vⁿ contexts. cells: Vⁿ⁺¹, those of the whole table.
    contexts, pairs: how many contexts, and cells, training has.
    predictions: B, the same for every n. train_nll: at α = 0. All NLLs are in nats per prediction.
    held_out: None when there are no lines for it.
    """

    order: int
    possible: int
    cells: int
    contexts: int
    pairs: int
    predictions: int
    train_nll: float
    held_out: HeldOut | None


def read_sample(
    corpus: Corpus,
    *,
    split: Sequence[int] | None = None,
    seed: int = 2147483647,
    limit: int = SAMPLE_SIZE,
    progress: OnProgress | None = None,
) -> Sample:
    """Read the start of a corpus again, as tokens.

    split, seed: those that the corpus was counted with. Its validation lines are held out, or,
    without a split, one distinct line of ten, dealt out in the same way; none of less than ten.
    limit: of characters, as read_items says. progress: as that of read_corpus.
    Raises CorpusError when the text is not to be had again, has changed, or has no training line.
    """
    # Lines that are too many to be remembered are enough.
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
    """Count the contexts of n = 1, 2, … tokens up to sample.longest, and give each when done.

    P(c | context) = (N(context, c) + α) / (N(context) + αV): 1/V after an unseen context. The
    start of a line is filled up with boundaries, so that every n makes the same predictions.
    progress: called after each chunk with the predictions counted and their number, those of every
    n together; what it raises ends the counting.
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
    """The keys of the distinct pairs and contexts of a text, in order; how often each occurs."""

    vocabulary_size: int
    pairs: Keys
    pair_times: Counts
    contexts: Keys
    context_times: Counts

    @property
    def predictions(self) -> int:
        return int(self.pair_times.sum())

    def of(self, text: "_Table") -> "_Table":
        """How often what is in another text occurs here, be it never."""
        return replace(
            text,
            pair_times=_looked_up(text.pairs, self.pairs, self.pair_times),
            context_times=_looked_up(text.contexts, self.contexts, self.context_times),
        )

    def nll(self, known: "_Table", smoothing: float) -> float:
        """−Σ log P / B of this text by what is known of its pairs and contexts."""
        contexts = np.log(known.context_times + smoothing * self.vocabulary_size)
        pairs = np.log(known.pair_times + smoothing)
        total = (self.context_times * contexts).sum() - (self.pair_times * pairs).sum()
        return max(0.0, float(total) / self.predictions)  # where all is certain, rounding may err


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
    known = train.of(text)
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
    """Whether each token but the first is predicted: only what fills up a line's start is not."""
    predicted: npt.NDArray[np.bool_] = (text[1:] | text[:-1]) != BOUNDARY
    return predicted


def _keys(text: Tokens, order: int, size: int, chunk_size: int) -> Iterator[Keys]:
    """The key of each prediction: its context and the token itself, the last digit."""
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
    """The distinct keys in order and how often each occurs.

    What was merged is merged again only with something half as large: each key a few times.
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
    """The distinct ones among keys in order, and the sum of the times of each."""
    first = np.ones(keys.size, np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(first)
    return keys[starts], np.add.reduceat(times, starts)


def _looked_up(wanted: Keys, keys: Keys, times: Counts) -> Counts:
    """The times of the wanted keys, 0 of those that aren't there."""
    where = np.searchsorted(keys, wanted)
    return np.where(keys.take(where, mode="clip") == wanted, times.take(where, mode="clip"), 0)
