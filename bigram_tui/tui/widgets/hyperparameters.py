"""The hyperparameters of the active run as controls: ← → change, ↑ ↓ choose, enter types."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from bigram_tui.backend import Hyperparameter
from bigram_tui.formatting.numbers import setting_text
from bigram_tui.formatting.printable import printable
from bigram_tui.tui.messages import HyperparameterChanged, ValueWanted

NEARLY = 1e-9

SMALLEST_STEP = 1e-4
"""The value after 0 on the scale of 1, 2, 5, 10."""


class Control(Widget, can_focus=True):
    """One hyperparameter in one line."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"control--name", "control--value", "control--arrow"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "change(-1)", "less", id="less", key_display="←"),
        Binding("right,l", "change(1)", "more", id="more", key_display="→"),
        Binding("up,k", "go(-1)", "other", id="parameter-before", show=False),
        Binding("down,j", "go(1)", "other", id="parameter-after", key_display="↓"),
        Binding("enter", "type", "type", id="type", key_display="enter"),
        Binding(
            "escape", "screen.focus_heatmap", "leave", id="leave-parameters", key_display="esc"
        ),
    ]

    value: reactive[Any] = reactive(None)

    def __init__(self, parameter: Hyperparameter, value: Any) -> None:
        super().__init__()
        self.parameter = parameter
        self.tooltip = Content(parameter.help) if parameter.help else None
        self.set_reactive(Control.value, value)

    def render(self) -> Text:
        """Write symbol, name and value; arrows show that the value can be changed."""
        symbol = f"{self.parameter.symbol} " if self.parameter.symbol else ""
        name = self.parameter.name.replace("_", " ")
        value = printable(setting_text(self.value))
        room = self.size.width - cell_len(symbol) - cell_len(value) - 5
        return Text.assemble(
            (symbol, self.get_component_rich_style("control--value", partial=True)),
            (name[: max(0, room)], self.get_component_rich_style("control--name", partial=True)),
            (" ‹ ", self.get_component_rich_style("control--arrow", partial=True)),
            (value, self.get_component_rich_style("control--value", partial=True)),
            (" ›", self.get_component_rich_style("control--arrow", partial=True)),
            no_wrap=True,
        )

    def action_change(self, direction: int) -> None:
        """Take the next or the previous value of the scale."""
        value = neighbour(self.parameter, self.value, direction)
        if value != self.value:
            self.value = value  # at once, so that a key that is held goes on from here
            self.post_message(HyperparameterChanged(self.parameter.name, value))

    def action_go(self, direction: int) -> None:
        """Go to another control."""
        controls = list(self.screen.query(Control))
        self.screen.set_focus(controls[(controls.index(self) + direction) % len(controls)])

    def action_type(self) -> None:
        """Ask for a value."""
        self.post_message(ValueWanted(self.parameter.name))

    def on_click(self, event: events.Click) -> None:
        text = self.render().plain
        if event.x >= text.rindex("›"):
            self.action_change(1)
        elif event.x >= text.index("‹") + 2:
            self.action_type()
        elif event.x >= text.index("‹") - 1:
            self.action_change(-1)


class Hyperparameters(Grid):
    """The controls of one backend."""

    _controls: Sequence[Control] = ()
    """The present controls; Textual may still be removing others."""

    def show(self, parameters: Mapping[str, Hyperparameter], values: Mapping[str, Any]) -> None:
        """Show values; make new controls only for other parameters."""
        if [control.parameter for control in self._controls] == list(parameters.values()):
            for control in self._controls:
                control.value = values[control.parameter.name]
            return
        self.remove_children()
        self._controls = [
            Control(parameter, values[name]) for name, parameter in parameters.items()
        ]
        self.mount_all(self._controls)


def neighbour(parameter: Hyperparameter, value: Any, direction: int) -> Any:
    """Return the value after or before another: on the scale 1, 2, 5, 10 or among the choices."""
    if isinstance(value, bool):
        return not value
    if parameter.choices:
        known = value in parameter.choices
        index = parameter.choices.index(value) + direction if known else 0
        return parameter.choices[index % len(parameter.choices)]
    if isinstance(value, str):
        return value
    step = value + direction if isinstance(value, int) else _on_scale(value, direction)
    low = -math.inf if parameter.low is None else parameter.low
    high = math.inf if parameter.high is None else parameter.high
    return type(value)(min(max(step, low), high))


def _on_scale(value: float, direction: int) -> float:
    """Return the next of … −2, −1, 0, 1, 2, 5, 10 … times a power of ten; 0 is beside ±1e-4."""
    if direction < 0:
        return 0.0 - _on_scale(-value, 1)
    if value < 0:
        return 0.0 - _below(-value)
    if value < SMALLEST_STEP * (1 - NEARLY):
        return SMALLEST_STEP
    return next(s for s in _scale_around(value) if s > value * (1 + NEARLY))


def _below(value: float) -> float:
    if value <= SMALLEST_STEP * (1 + NEARLY):
        return 0.0
    return next(s for s in reversed(_scale_around(value)) if s < value * (1 - NEARLY))


def _scale_around(value: float) -> list[float]:
    exponent = math.floor(math.log10(value) + NEARLY)
    return [float(f"{m}e{e}") for e in range(exponent - 1, exponent + 2) for m in (1, 2, 5)]
