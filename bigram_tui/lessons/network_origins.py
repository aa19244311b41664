"""The origin of each number in the tensors of one word: its formula, with numbers."""

from collections.abc import Callable
from dataclasses import dataclass

from bigram_tui.formatting.numbers import significant
from bigram_tui.lessons.network import Pass
from bigram_tui.lessons.word import quoted

Cell = tuple[int, int]

MOST_TERMS = 3
"""How many terms of a sum are written out."""


@dataclass(frozen=True)
class Origin:
    """How one number was computed."""

    formula: str
    """The name of the number, its formula, and the formula with numbers."""
    source: str = ""
    """The tensor that it is computed from; empty for what is given."""
    cells: tuple[Cell, ...] = ()
    """The cells of the source that it is computed from: rows and columns of its table."""


def origin(now: Pass, name: str, cell: Cell) -> Origin:
    """Return how a number of a pass was computed.

    name: of a stage. cell: row and column of its table.
    Raises KeyError or IndexError if there is no such stage or cell.
    """
    now.number(name, *cell)  # raises
    return _ORIGINS[name](now, *cell)


def number(value: float) -> str:
    """Write a number of a float32 tensor in as many digits as it holds."""
    return significant(value, 7)


def label(now: Pass, token: int) -> str:
    """Write a token in quotation marks."""
    return quoted(now.vocabulary.labels[token])


def _x(now: Pass, i: int, _: int) -> Origin:
    return Origin(f"X[{i}] = {now.xs[i]}, the token of {label(now, now.xs[i])}")


def _y(now: Pass, i: int, _: int) -> Origin:
    after = label(now, now.xs[i])
    return Origin(f"Y[{i}] = {now.ys[i]}, the token of {label(now, now.ys[i])}, after {after}")


def _onehot(now: Pass, i: int, j: int) -> Origin:
    equal = "=" if now.xs[i] == j else "≠"
    formula = f"onehot[{i}, {j}] = {int(now.xs[i] == j)}, as X[{i}] = {now.xs[i]} {equal} {j}"
    return Origin(formula, "X", ((i, 0),))


def _xenc(now: Pass, i: int, j: int) -> Origin:
    value = number(now.number("Xenc", i, j))
    return Origin(f"Xenc[{i}, {j}] = float(onehot[{i}, {j}]) = {value}", "onehot", ((i, j),))


def _w(now: Pass, k: int, j: int) -> Origin:
    value = number(now.number("W", k, j))
    pair = f"the logit of {label(now, j)} after {label(now, k)}"
    if now.iteration == 0:
        return Origin(f"W[{k}, {j}] = {value}, drawn from a normal distribution: {pair}")
    return Origin(f"W[{k}, {j}] = {value}, what the steps have made of it: {pair}")


def _z(now: Pass, i: int, j: int) -> Origin:
    k, value = now.xs[i], number(now.number("Z", i, j))
    formula = f"Z[{i}, {j}] = Σ_k Xenc[{i}, k]·W[k, {j}] = 1·W[{k}, {j}] = {value}: row {k} of W"
    return Origin(formula, "W", ((k, j),))


def _c(now: Pass, i: int, j: int) -> Origin:
    z, value = number(now.number("Z", i, j)), number(now.number("C", i, j))
    return Origin(f"C[{i}, {j}] = exp(Z[{i}, {j}]) = exp({z}) = {value}", "Z", ((i, j),))


def _s(now: Pass, i: int, _: int) -> Origin:
    row = [now.number("C", i, j) for j in range(min(MOST_TERMS, len(now.vocabulary)))]
    terms = " + ".join(map(number, row)) + (" + …" if len(now.vocabulary) > len(row) else "")
    formula = f"S[{i}, 0] = Σ_j C[{i}, j] = {terms} = {number(now.number('S', i))}"
    return Origin(formula, "C", tuple((i, j) for j in range(len(now.vocabulary))))


def _p(now: Pass, i: int, j: int) -> Origin:
    c, s = number(now.number("C", i, j)), number(now.number("S", i))
    value = number(now.number("P", i, j))
    formula = f"P[{i}, {j}] = C[{i}, {j}] / S[{i}, 0] = {c} / {s} = {value}"
    return Origin(formula, "C", ((i, j),))


def _picked(now: Pass, i: int, _: int) -> Origin:
    y, value = now.ys[i], number(now.number("picked", i))
    formula = f"picked[{i}] = P[{i}, Y[{i}]] = P[{i}, {y}] = {value}"
    return Origin(formula, "P", ((i, y),))


def _loss(now: Pass, _: int, __: int) -> Origin:
    count = len(now.xs)
    shown = [number(now.number("picked", i)) for i in range(min(MOST_TERMS, count))]
    terms = " + ".join(f"log {value}" for value in shown) + (" + …" if count > MOST_TERMS else "")
    formula = f"loss = −({terms}) / {count} = {number(now.loss)}"
    return Origin(formula, "picked", tuple((i, 0) for i in range(count)))


def _dz(now: Pass, i: int, j: int) -> Origin:
    p, value = number(now.number("P", i, j)), number(now.number("dZ", i, j))
    formula = f"dZ[{i}, {j}] = (P[{i}, {j}] − [Y[{i}] = {j}]) / B"
    formula += f" = ({p} − {int(now.ys[i] == j)}) / {len(now.xs)} = {value}"
    return Origin(formula, "P", ((i, j),))


def _dw(now: Pass, k: int, j: int) -> Origin:
    rows = [i for i, x in enumerate(now.xs) if x == k]
    if not rows:
        formula = f"dW[{k}, {j}] = 0: {label(now, k)} is not in X, so no bigram looked row {k} up"
        return Origin(formula, "dZ")
    terms = " + ".join(f"dZ[{i}, {j}]" for i in rows[:MOST_TERMS])
    terms += " + …" if len(rows) > MOST_TERMS else ""
    formula = f"dW[{k}, {j}] = Σ_i Xenc[i, {k}]·dZ[i, {j}] = {terms}"
    formula += f" = {number(now.number('dW', k, j))}"
    return Origin(formula, "dZ", tuple((i, j) for i in rows))


def _update(now: Pass, k: int, j: int) -> Origin:
    w, gradient = now.number("W", k, j), now.number("dW", k, j)
    formula = f"W′[{k}, {j}] = W[{k}, {j}] − η·dW[{k}, {j}] = {number(w)} − {now.learning_rate:g}·"
    formula += f"({number(gradient)})" if gradient < 0 else number(gradient)
    return Origin(f"{formula} = {number(now.number('W′', k, j))}", "dW", ((k, j),))


_ORIGINS: dict[str, Callable[[Pass, int, int], Origin]] = {
    "X": _x,
    "Y": _y,
    "onehot": _onehot,
    "Xenc": _xenc,
    "W": _w,
    "Z": _z,
    "C": _c,
    "S": _s,
    "P": _p,
    "picked": _picked,
    "loss": _loss,
    "dZ": _dz,
    "dW": _dw,
    "W′": _update,
}
