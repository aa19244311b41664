"""The texts of the screen of one word: its status, its stages, and one stage in words."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from bigram_tui.formatting.printable import printable
from bigram_tui.lessons.network import Network, Pass
from bigram_tui.lessons.network_origins import Origin, label
from bigram_tui.lessons.network_stages import STAGES, Stage
from bigram_tui.tui.lessons.network_worker import NetworkState
from bigram_tui.tui.render.curve import sparkline
from bigram_tui.tui.render.text_styles import TextStyles

SPARKLINE_WIDTH = 12
LEAST_WORD = 8
"""The least columns of the word, however long the rest of its line is."""


def status_line(state: NetworkState, library: str, width: int) -> Text:
    """Write the word, its loss and its learning rate. library: name and version."""
    net, now = state.net, state.now
    most = f" step {now.iteration:,}  loss {now.loss:.6f}"
    rest = f"  best {net.least_loss:.6f}  η {now.learning_rate:g}  by {library}  "
    word, room = printable(net.word), width - len(most) - len(rest) - 3
    if cell_len(word) > max(room, LEAST_WORD):
        word = set_cell_size(word, max(room, LEAST_WORD) - 1) + "…"
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f" “{word}”{most}", "bold").append(rest)
    if len(state.losses) > 1:
        line.append(sparkline(state.losses, SPARKLINE_WIDTH))
    return line


def stage_text(state: NetworkState, stage: Stage, number: Origin, width: int) -> Text:
    """Write how a stage is computed, what it means, and how the number at the cursor was."""
    tensor = state.now.tensors[stage.name]
    facts = f"{list(tensor.values.shape)} {tensor.dtype}"
    if tensor.is_leaf is not None:
        facts += ", a leaf" if tensor.is_leaf else ", not a leaf"
        facts += ", requires grad" if tensor.requires_grad else ", requires no grad"
    room = width - len(tensor.code) - len(facts)
    text = Text().append(tensor.code, "bold").append("   " if room >= 3 else "\n").append(facts)
    meaning = stage.meaning
    if stage.name == "loss":
        meaning += f" {_least_loss(state.net, state.now)}"
    return text.append(f"\n{meaning}\n").append(number.formula, "bold")


def _least_loss(net: Network, now: Pass) -> str:
    """Say how far the loss of this word can go down, and why."""
    if not net.conflicts:
        return (
            "Each character of this word is always followed by the same one, so that the loss can "
            "come as near to 0 as one likes."
        )
    first, seconds = next(iter(net.conflicts.items()))
    after = [label(now, token) for token in dict.fromkeys(seconds)]
    after[2:] = [f"{len(after) - 2} more"] if len(after) > 2 else []
    return (
        f"{label(now, first)} is followed by {' and '.join(after)}: no row of P can give 1 to "
        f"each, so no W gets below {net.least_loss:.6f}, the NLL of the word's own counts."
    )


def stage_lines(
    now: Pass, chosen: int, width: int, height: int, styles: TextStyles
) -> Sequence[Text]:
    """Write the names of the stages with their shapes, as many as fit."""
    lines = []
    for index, stage in enumerate(STAGES):
        shape = str(list(now.tensors[stage.name].values.shape)).replace(" ", "")
        line = Text(f" {stage.name:<7}{shape}".ljust(width), no_wrap=True)
        if index == chosen:
            line.stylize(styles.chosen)
        lines.append(line)
    first = first_in_sight(chosen, height)
    return lines[first : first + height]


def first_in_sight(chosen: int, height: int) -> int:
    """Return the first stage to list, if not all fit."""
    return min(max(0, chosen - height // 2), max(0, len(STAGES) - height))
