"""Every key of the explore screen, in the order in which the footer and the palette show them."""

from typing import Any

from textual.binding import Binding, BindingType


def _key(
    key: str, action: str, description: str, id: str, shown: str | None = None, **more: Any
) -> Binding:
    """A binding with an id, so that a user's keymap can change it."""
    return Binding(key, action, description, id=id, key_display=shown, **{"show": False, **more})


EXPLORE_KEYS: list[BindingType] = [
    _key("s", "step(1)", "step", "step", show=True),
    _key("S", "step(10)", "10 steps", "step-10", "S"),
    _key("x", "step(100)", "100 steps", "step-100"),
    _key("space", "toggle_training", "run", "run", "␣", show=True),
    _key("z", "back(1)", "back", "back", show=True),
    _key("Z", "back(10)", "10 steps back", "back-10", "Z"),
    _key("question_mark", "help", "help", "help", "?", show=True),
    _key("b", "next_run", "backend", "next-backend", show=True),
    *(_key(str(n), f"pick({n - 1})", f"backend {n}", f"backend-{n}") for n in range(1, 10)),
    _key("a", "step_all", "step all backends", "step-all"),
    _key("A", "toggle_all", "run or pause all backends", "run-all", "A"),
    _key("r", "reset", "reset to the same start", "reset"),
    _key("comma", "pace(-1)", "run slower", "slower", ","),
    _key("full_stop", "pace(1)", "run faster", "faster", "."),
    _key("p", "parameters", "params", "parameters", show=True),
    _key("v", "next_view", "view", "view", show=True),
    _key("n", "next_scale", "scale", "scale", show=True),
    _key("g", "sample", "names", "sample", show=True),
    _key("up,k", "move(-1, 0)", "cursor up", "up", "↑"),
    _key("down,j", "move(1, 0)", "cursor down", "down", "↓"),
    _key("left,h", "move(0, -1)", "cursor left", "left", "←"),
    _key("right,l", "move(0, 1)", "cursor right", "right", "→"),
    _key("slash", "jump", "jump to a character or a bigram", "jump", "/"),
    _key("plus,equals_sign", "grow(1)", "larger cells", "larger", "+"),
    _key("minus", "grow(-1)", "smaller cells", "smaller", "-"),
    _key("y", "log('loss')", "logarithmic loss axis", "log-loss"),
    _key("Y", "log('iteration')", "logarithmic iteration axis", "log-iteration", "Y"),
    _key("t", "dark", "dark or light", "dark"),
    _key("escape", "focus_heatmap", "back to the heatmap", "leave"),
]
