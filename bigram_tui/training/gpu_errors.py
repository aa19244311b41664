"""Explains the errors of a GPU: it is out of memory, or lost."""

from collections.abc import Mapping

from bigram_tui.faults import text_of
from bigram_tui.formatting.printable import printable


def gpu_error(error: BaseException, settings: Mapping[str, object]) -> str:
    """Say in one line what went wrong with a GPU and what to do; empty for any other error.

    settings: the backend's hyperparameters, of which the advice names those that can be changed.
    The error is known by its text: work on a GPU runs ahead, so its errors are raised anywhere.
    """
    if not issubclass(type(error), RuntimeError):  # as all those of torch are
        return ""
    first_line = printable(text_of(error).strip().partition("\n")[0])
    if type(error).__name__ == "OutOfMemoryError" or "out of memory" in first_line:
        what, remedies, then = "the GPU is out of memory", {"device": "cpu", "dtype": "float32"}, ""
    elif "CUDA error" in first_line or "HIP error" in first_line:
        what, remedies, then = f"the GPU failed ({first_line})", {"device": "cpu"}, " and reset"
    else:
        return ""
    changes = [f"the {key} {to}" for key, to in remedies.items() if settings.get(key, to) != to]
    return f"{what}; choose {' or '.join(changes)}{then}" if changes else what
