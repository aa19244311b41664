"""Every key of the two main screens, in groups: for their footers, the palette and the help."""

from typing import Any, NamedTuple

from textual.binding import Binding, BindingType


class KeyGroup(NamedTuple):
    """Keys that belong together."""

    title: str
    keys: list[Binding]


def _key(
    key: str,
    action: str,
    description: str,
    id: str,
    shown: str | None = None,
    help: str = "",
    **more: Any,
) -> Binding:
    """Make a binding with an id, so that a user's keymap can change it.

    description: for the footer and the palette. help: what the help says, if that is more.
    """
    more = {"show": False, "tooltip": help, **more}
    return Binding(key, action, description, id=id, key_display=shown, **more)


_TIMELINE = [
    _key("s", "step(1)", "step", "step", help="take a step of gradient descent", show=True),
    _key("S", "step(10)", "10 steps", "step-10", "S", help="take 10 steps"),
    _key("x", "step(100)", "100 steps", "step-100", help="take 100 steps"),
    _key("space", "toggle_training", "run", "run", "␣", help="run, or pause", show=True),
    _key("comma", "pace(-1)", "run slower", "slower", ","),
    _key("full_stop", "pace(1)", "run faster", "faster", "."),
    _key("z", "back(1)", "back", "back", help="go back by a step", show=True),
    _key("Z", "back(10)", "10 steps back", "back-10", "Z", help="go back by 10 steps"),
    _key("r", "reset", "reset to the same start", "reset", help="begin again, same start"),
]

_SCRUBBING = [
    _key("left_square_bracket", "scrub(-1)", "back along the plot", "scrub-back", "["),
    _key("right_square_bracket", "scrub(1)", "forward along the plot", "scrub-forward", "]"),
    _key("home", "scrub_to(0)", "to the start", "first", help="go to the start"),
    _key("end", "scrub_to(1)", "to the last step", "last", help="go to the last step"),
]

_HELP = [
    _key("question_mark", "help", "help", "help", "?", help="this help", show=True),
    _key("enter", "why", "why", "why", "enter", help="why is this cell what it is?", show=True),
    _key("L", "lessons", "lessons", "lessons", "L", help="list all lessons", show=True),
]

_TO_COMPARE = _key(
    "c", "compare", "compare", "compare", help="compare all runs side by side", show=True
)
_TO_EXPLORE = _key("c", "explore", "explore", "explore", help="explore the active run", show=True)

_RUNS = [
    _key("b", "next_run", "next run", "next-backend", help="go to the next run", show=True),
    *(
        _key(str(n), f"pick({n - 1})", f"run {n}", f"backend-{n}", help=f"go to run {n}")
        for n in range(1, 10)
    ),
]

_ALL_RUNS = [
    _key("a", "step_all", "step all backends", "step-all", help="take a step of every run"),
    _key("A", "toggle_all", "run or pause all backends", "run-all", "A", help="run or pause all"),
]

_LIST_OF_RUNS = [
    _key("R", "refer", "compare with this run", "reference", "R", help="make it the reference"),
    _key("B", "add", "add a run of a backend", "add-run", "B"),
    _key("C", "copy", "copy this run", "copy-run", "C"),
    _key("D", "remove", "remove this run", "remove-run", "D"),
    _key("J", "reorder(1)", "move this run down", "run-down", "J"),
    _key("K", "reorder(-1)", "move this run up", "run-up", "K"),
]

_HYPERPARAMETERS = [
    _key(
        "p",
        "parameters",
        "params",
        "parameters",
        help="↑ ↓ choose one, ← → change it, enter to type a value",
        show=True,
    ),
]

_PANES = [
    _key("m", "next_layout", "maps", "maps", help="maps: of all runs, or A, B, A − B", show=True),
    _key("o", "next_plot", "plot", "plot", help="plot: nll, total, gap, …", show=True),
    _key("tab", "next_pane", "pane", "pane", "tab", help="show the next pane", show=True),
    _key("i", "next_columns", "columns", "columns", help="more columns of the table", show=True),
    _key("w", "word", "word", "word", help="the surprise of a word", show=True),
]

_TABLE = [
    _key("v", "next_view", "view", "view", help="view: P, counts, W, gradient", show=True),
    _key("n", "next_scale", "scale", "scale", help="scale: linear, √, log", show=True),
    _key("up,k", "move(-1, 0)", "cursor up", "up", "↑", help="move the cursor up; k too"),
    _key("down,j", "move(1, 0)", "cursor down", "down", "↓", help="move it down; j too"),
    _key("left,h", "move(0, -1)", "cursor left", "left", "←", help="move it left; h too"),
    _key("right,l", "move(0, 1)", "cursor right", "right", "→", help="move it right; l too"),
    _key(
        "slash",
        "jump",
        "jump to a character or a bigram",
        "jump",
        "/",
        help="go to a character or a bigram",
    ),
    _key("plus,equals_sign", "grow(1)", "larger cells", "larger", "+"),
    _key("minus", "grow(-1)", "smaller cells", "smaller", "-"),
    _key(
        "O",
        "next_order",
        "order of the tokens",
        "order",
        "O",
        help="order: code point, frequency, similarity",
    ),
    _key("d", "row", "what follows, sorted", "row", help="list what follows a character, sorted"),
    _key("escape", "focus_heatmap", "back to the heatmap", "leave", "esc"),
]

_SAMPLES_AND_PLOT = [
    _key("g", "sample", "samples", "sample", help="draw other samples", show=True),
    _key("y", "log('loss')", "logarithmic loss axis", "log-loss"),
    _key("Y", "log('iteration')", "logarithmic step axis", "log-iteration", "Y"),
]

_LESSONS = [
    _key("G", "theory", "theory, with the present numbers", "theory", "G"),
    _key("T", "network", "one word through the network", "network", "T"),
    _key("P", "pitfalls", "pitfalls: classic mistakes, run for real", "pitfalls", "P"),
    _key("H", "presets", "presets: η, λ and start with reasons", "presets", "H"),
    _key("M", "meters", "meters: step size, invariants, λ and α", "meters", "M"),
    _key("F", "families", "the families of λ and α", "families", "F"),
    _key("N", "contexts", "beyond the bigram: longer contexts", "contexts", "N"),
]

_REST = [
    _key("E", "export", "export losses, tables or the screen", "export", "E"),
    _key("u", "output", "output: what the run has printed", "output"),
    _key("t", "app.dark", "dark or light", "dark"),
]

EXPLORE_GROUPS = (
    KeyGroup("Along the timeline", _TIMELINE),
    KeyGroup("Explanations", _HELP),
    KeyGroup("Runs", [_TO_COMPARE, *_RUNS, *_ALL_RUNS]),
    KeyGroup("Hyperparameters", _HYPERPARAMETERS),
    KeyGroup("The table", _TABLE),
    KeyGroup("Samples and plot", _SAMPLES_AND_PLOT),
    KeyGroup("Lessons", _LESSONS),
    KeyGroup("Other", _REST),
)

COMPARE_GROUPS = (
    KeyGroup("Along the timeline, all together", [*_TIMELINE, *_SCRUBBING]),
    KeyGroup("Explanations", _HELP),
    KeyGroup("Panes", [_TO_EXPLORE, *_PANES]),
    KeyGroup("Runs", [*_RUNS, *_LIST_OF_RUNS]),
    KeyGroup("Hyperparameters of the active run", _HYPERPARAMETERS),
    KeyGroup("The tables", _TABLE),
    KeyGroup("Samples and plot", _SAMPLES_AND_PLOT),
    KeyGroup("Lessons", _LESSONS),
    KeyGroup("Other", _REST),
)

EXPLORE_KEYS: list[BindingType] = [key for group in EXPLORE_GROUPS for key in group.keys]
COMPARE_KEYS: list[BindingType] = [key for group in COMPARE_GROUPS for key in group.keys]

EVERYWHERE = KeyGroup(
    "Everywhere",
    [
        Binding("ctrl+p", "command_palette", "list all actions"),
        Binding("q", "quit", "quit", id="quit"),
        Binding("ctrl+z", "suspend_process", "go back to the shell for a while", id="suspend"),
    ],
)
"""Keys that the application binds, for the help."""

NETWORK_KEYS = KeyGroup(
    "Keys",
    [
        _key("tab", "stage(1)", "next stage", "next-stage", show=True),
        _key("shift+tab", "stage(-1)", "previous stage", "stage-before"),
        _key(
            "up,k",
            "move(-1, 0)",
            "cell",
            "network-up",
            "↑↓←→",
            help="go to another cell; h j k l and the mouse too",
            show=True,
        ),
        _key("down,j", "move(1, 0)", "", "network-down"),
        _key("left,h", "move(0, -1)", "", "network-left"),
        _key("right,l", "move(0, 1)", "", "network-right"),
        _key("s", "step(1)", "step", "network-step", help="take a step", show=True),
        _key("S", "step(10)", "10 steps", "network-step-10", "S", help="take 10 steps"),
        _key("x", "step(100)", "100 steps", "network-step-100", help="take 100 steps"),
        _key("space", "run", "run", "network-run", "␣", help="run, or pause", show=True),
        _key("z", "back(1)", "back", "network-back", help="go back by a step", show=True),
        _key("Z", "back(10)", "10 back", "network-back-10", "Z", help="go back by 10 steps"),
        _key("r", "reset", "reset", "network-reset", help="go back to the start"),
        _key(
            "plus,equals_sign",
            "rate(1)",
            "η",
            "network-rate-up",
            "+ -",
            help="a larger or a smaller η from this step on",
            show=True,
        ),
        _key("minus", "rate(-1)", "", "network-rate-down"),
        _key("w", "word", "word", "network-word", help="another word", show=True),
        _key("t", "app.dark", "dark or light", "network-dark"),
        _key("question_mark", "help", "help", "network-help", "?", help="this help", show=True),
        _key("escape,q,T", "dismiss", "close", "close-network", "esc", show=True),
    ],
)
"""The keys of the screen of one word. Those without a description share a line with another."""
