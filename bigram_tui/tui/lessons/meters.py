"""The screen of the meters: what is measured of a run, one meter after the other."""

from collections.abc import Callable

from rich.text import Text

from bigram_tui.corpus.corpus import Corpus
from bigram_tui.formatting.printable import printable
from bigram_tui.lessons.meters import meters
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.screens.panel import Panel


class MetersScreen(Panel):
    """The meters of one run."""

    def __init__(self, run: Snapshot, corpus: Corpus, seed: int) -> None:
        """Measure a run. seed: the one that the corpus was split with."""
        at = f"{printable(run.name)} at step {run.iteration:,}"
        super().__init__(f"meters  {at}")
        self._run = run
        self._corpus = corpus
        self._seed = seed

    def on_mount(self) -> None:
        self.tell(Text("measuring …"))
        self.find_out(self._measure)

    def _measure(self, tell: Callable[[Text], None], closed: Callable[[], bool]) -> None:
        text = Text()
        for title, result in meters(self._run, self._corpus, self._seed):
            text.append(f"{title}\n", "bold").append(f"{result}\n\n")
            tell(text.copy())
            if closed():
                return
