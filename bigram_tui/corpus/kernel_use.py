"""Decides for which texts the compiled kernels are loaded: those that take longer without."""

import time
from collections.abc import Callable

from bigram_tui.kernels.loading import READING, Loader

LOADING_SECONDS = 1.0
"""How long the rest of a text has to take for kernels to pay.

To load them takes half of that, and more the first time of all.
"""

KNOWN_SIZE = 4_000_000
"""Bytes of a text that tell how fast it is counted."""


class KernelUse:
    """Loads the kernels once the rest of a text seems to take longer than that."""

    def __init__(
        self, loader: Loader = READING, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._loader, self._clock = loader, clock
        self._start = clock()

    def note(self, done: int, size: int | None) -> None:
        """Take note of how far reading is. done, size: bytes, as OnProgress has them.

        Of a text of unknown size, as much is expected to come as has come.
        """
        if done < KNOWN_SIZE:
            return
        rest = done if size is None else size - done
        if (self._clock() - self._start) * rest >= LOADING_SECONDS * done:
            self._loader.start()
