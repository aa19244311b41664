"""Hyperparameters: their values, and what to change them to."""

from collections.abc import Callable
from typing import Any

from bigram_tui.backend import Backend, Hyperparameter, hyperparameters


def values_of(backend: Backend) -> dict[str, Any]:
    """Return the present values of all hyperparameters by name."""
    return {name: getattr(backend, name) for name in hyperparameters(backend)}


def _accepts(parse: Callable[[object], Any], value: object) -> bool:
    try:
        return bool(parse(value) == value)
    except ValueError:
        return False


def other_values(described: Hyperparameter, value: Any) -> list[Any]:
    """Return values to change a hyperparameter to; none for free text, such as a device."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        return [choice for choice in described.choices if choice != value and described.closed]
    half = value // 2 if isinstance(value, int) else value / 2
    tried = (half, value + 1, described.low, described.high)
    legal = [number for number in tried if number != value and _accepts(described.parse, number)]
    return legal[:1]
