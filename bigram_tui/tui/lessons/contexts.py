"""Counting with more than one character of context, on the text itself."""

from collections.abc import Callable, Sequence

from rich.style import Style
from rich.text import Text

from bigram_tui.analysis.contexts import ContextModel, Sample, context_models, read_sample
from bigram_tui.cancellation import CancelledError
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.formatting.numbers import long_count, rounded
from bigram_tui.tui.render.table import Column, table_lines
from bigram_tui.tui.screens.panel import WIDTH, Panel

COUNT_WIDTH = 9
"""The most characters of a count."""


class ContextsScreen(Panel):
    """A table with a line for each length of context, as they are counted."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        """Count on a corpus. seed: the one that it was split with."""
        super().__init__("beyond the bigram: counting with n characters of context")
        self._corpus = corpus
        self._seed = seed

    def on_mount(self) -> None:
        self.tell(Text("reading …"))
        self.find_out(self._count)

    def _count(self, tell: Callable[[Text], None], closed: Callable[[], bool]) -> None:
        def go_on(*_: object) -> None:
            if closed():
                raise CancelledError

        models: list[ContextModel] = []
        try:
            sample = read_sample(
                self._corpus, split=self._corpus.split, seed=self._seed, progress=go_on
            )
            for model in context_models(sample, progress=go_on):
                models.append(model)
                tell(contexts_text(models, sample))
        except CancelledError:
            return


def contexts_text(models: Sequence[ContextModel], sample: Sample) -> Text:
    """Write the table so far, and what it shows once it is complete."""
    with_held_out = [model for model in models if model.held_out is not None]
    best = min(with_held_out, key=lambda model: model.held_out.nll, default=None)  # type: ignore[union-attr]
    columns = [
        Column("n", [Text(str(model.order)) for model in models]),
        Column("contexts Vⁿ", [Text(long_count(model.possible, COUNT_WIDTH)) for model in models]),
        Column("seen", [Text(long_count(model.contexts, COUNT_WIDTH)) for model in models]),
        Column(
            "cells seen",
            [Text(f"{rounded(100 * model.pairs / model.cells)} %") for model in models],
        ),
        Column("train nll", [Text(f"{model.train_nll:.4f}") for model in models]),
        Column("held out", [_held_out(model, model is best) for model in models]),
        Column("best α", [Text(_alpha(model)) for model in models]),
        Column("unknown", [Text(_unseen(model)) for model in models]),
    ]
    lines = table_lines(columns, WIDTH, Style(bold=True))
    if len(models) < sample.longest:
        return Text("\n").join([*lines, Text("counting …")])
    return Text("\n").join([*lines, Text(), Text(_lesson(models, best, sample))])


def _lesson(models: Sequence[ContextModel], best: ContextModel | None, sample: Sample) -> str:
    parts = []
    if best is not None and best.order < models[-1].order:
        parts.append(
            f"The training loss only falls, but from n = {best.order + 1} on counting predicts new "
            "lines worse: most contexts are too rare for their counts to say much."
        )
    elif best is not None:
        parts.append("More context still helps here: the text is large for its alphabet.")
    parts.append(
        "A network can do what a table can't: it maps the context to a few numbers "
        "(embeddings), so that similar contexts share what they learn. The softmax and the loss "
        "stay as they are."
    )
    held_out = "One in ten distinct lines" if sample.own_split else "The validation part"
    notes = "Losses are in nats per character. "
    if best is None:
        notes += "No lines were held out: there are too few."
    else:
        notes += (
            f"{held_out} is held out: it is not counted, only used to choose α. Unknown is the "
            "share of held-out predictions whose context never occurs in training. With α = 0 the "
            "loss is ∞ as soon as one bigram is new."
        )
    parts.append(notes)
    if not sample.whole:
        parts.append(f"Counted on the first {sample.lines:,} lines.")
    if sample.longest < 6:
        parts.append(
            f"Longer contexts of {sample.vocabulary_size:,} tokens need more than 64 bits."
        )
    return "\n".join(parts)


def _held_out(model: ContextModel, is_best: bool) -> Text:
    if model.held_out is None:
        return Text("")
    return Text(f"{model.held_out.nll:.4f}", "bold reverse" if is_best else "")


def _alpha(model: ContextModel) -> str:
    return "" if model.held_out is None else f"{model.held_out.smoothing:.2g}"


def _unseen(model: ContextModel) -> str:
    held_out = model.held_out
    return (
        "" if held_out is None else f"{100 * held_out.unseen_contexts / held_out.predictions:.1f} %"
    )
