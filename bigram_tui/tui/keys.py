"""Every key of the screens, in the order in which the footers and the palette show them."""

from typing import Any

from textual.binding import Binding, BindingType


def _key(
    key: str, action: str, description: str, id: str, shown: str | None = None, **more: Any
) -> Binding:
    """A binding with an id, so that a user's keymap can change it."""
    return Binding(key, action, description, id=id, key_display=shown, **{"show": False, **more})


_TIME: list[BindingType] = [
    _key("s", "step(1)", "step", "step", show=True),
    _key("S", "step(10)", "10 steps", "step-10", "S"),
    _key("x", "step(100)", "100 steps", "step-100"),
    _key("space", "toggle_training", "run", "run", "␣", show=True),
    _key("z", "back(1)", "back", "back", show=True),
    _key("Z", "back(10)", "10 steps back", "back-10", "Z"),
    _key("question_mark", "help", "help", "help", "?", show=True),
    _key("enter", "why", "why", "why", "enter", show=True),
    _key("L", "lessons", "lessons", "lessons", "L", show=True),
]

_RUNS: list[BindingType] = [
    _key("b", "next_run", "next run", "next-backend", show=True),
    *(_key(str(n), f"pick({n - 1})", f"run {n}", f"backend-{n}") for n in range(1, 10)),
    _key("r", "reset", "reset to the same start", "reset"),
    _key("comma", "pace(-1)", "run slower", "slower", ","),
    _key("full_stop", "pace(1)", "run faster", "faster", "."),
]

_LOOKING: list[BindingType] = [
    _key("p", "parameters", "params", "parameters", show=True),
    _key("v", "next_view", "view", "view", show=True),
    _key("n", "next_scale", "scale", "scale", show=True),
    _key("g", "sample", "samples", "sample", show=True),
    _key("up,k", "move(-1, 0)", "cursor up", "up", "↑"),
    _key("down,j", "move(1, 0)", "cursor down", "down", "↓"),
    _key("left,h", "move(0, -1)", "cursor left", "left", "←"),
    _key("right,l", "move(0, 1)", "cursor right", "right", "→"),
    _key("slash", "jump", "jump to a character or a bigram", "jump", "/"),
    _key("plus,equals_sign", "grow(1)", "larger cells", "larger", "+"),
    _key("minus", "grow(-1)", "smaller cells", "smaller", "-"),
    _key("O", "next_order", "order of the tokens", "order", "O"),
    _key("d", "row", "what follows, sorted", "row"),
    _key("y", "log('loss')", "logarithmic loss axis", "log-loss"),
    _key("Y", "log('iteration')", "logarithmic step axis", "log-iteration", "Y"),
    _key("G", "theory", "theory, with the present numbers", "theory", "G"),
    _key("M", "meters", "meters: step size, invariants, λ and α", "meters", "M"),
    _key("H", "presets", "presets: η, λ and start with reasons", "presets", "H"),
    _key("F", "families", "the families of λ and α", "families", "F"),
    _key("N", "contexts", "beyond the bigram: longer contexts", "contexts", "N"),
    _key("P", "pitfalls", "pitfalls: classic mistakes, run for real", "pitfalls", "P"),
    _key("T", "network", "one word through the network", "network", "T"),
    _key("E", "export", "export losses, tables or the screen", "export", "E"),
    _key("t", "app.dark", "dark or light", "dark"),
    _key("escape", "focus_heatmap", "back to the heatmap", "leave"),
]

EXPLORE_KEYS: list[BindingType] = [
    *_TIME,
    _key("c", "compare", "compare", "compare", show=True),
    *_RUNS,
    _key("a", "step_all", "step all backends", "step-all"),
    _key("A", "toggle_all", "run or pause all backends", "run-all", "A"),
    *_LOOKING,
]

COMPARE_KEYS: list[BindingType] = [
    *_TIME,
    _key("c", "explore", "explore", "explore", show=True),
    _key("m", "next_layout", "maps", "maps", show=True),
    _key("o", "next_plot", "plot", "plot", show=True),
    _key("tab", "next_pane", "pane", "pane", "tab", show=True),
    _key("i", "next_columns", "columns", "columns", show=True),
    _key("w", "word", "word", "word", show=True),
    _key("R", "refer", "compare with this run", "reference", "R"),
    _key("B", "add", "add a run of a backend", "add-run", "B"),
    _key("C", "copy", "copy this run", "copy-run", "C"),
    _key("D", "remove", "remove this run", "remove-run", "D"),
    _key("J", "reorder(1)", "move this run down", "run-down", "J"),
    _key("K", "reorder(-1)", "move this run up", "run-up", "K"),
    _key("left_square_bracket", "scrub(-1)", "back along the plot", "scrub-back", "["),
    _key("right_square_bracket", "scrub(1)", "forward along the plot", "scrub-forward", "]"),
    _key("home", "scrub_to(0)", "to the start", "first"),
    _key("end", "scrub_to(1)", "to the last step", "last"),
    *_RUNS,
    *_LOOKING,
]
