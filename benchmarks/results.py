"""Makes the table of pytest-benchmark's document, and the rows that the README quotes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.figures import Figure, Ratio, Unit

Measured = Mapping[str, Sequence[float]]
"""What was measured, by FILE.NAME: each time, in the unit of its figures."""

HEADER = """\
| what | rival | ours, median | rival's, median | ratio | reach for | met |
|---|---|---|---|---|---|---|"""

QUOTE = re.compile(r"(?<=<!-- make bench -->\n).*?(?=<!-- end -->)", re.DOTALL)
"""Where in the README the rows stand."""


def measured(document: Mapping[str, Any]) -> dict[str, list[float]]:
    """What pytest-benchmark has measured in all turns: time by amount of work, or a given value."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for entry in document["benchmarks"]:
        file, name = re.search(r"bench_(\w+)\.py::bench_(\w+)", entry["fullname"]).groups()  # type: ignore[union-attr]
        extra = entry["extra_info"]
        found[f"{file}.{name}"] += (
            [extra["value"]]
            if "value" in extra
            else [seconds / extra["amount"] for seconds in entry["stats"]["data"]]
        )
    return dict(found)


def row(figure: Figure, measured: Measured) -> str:
    """The row of a figure, as it stands in the table."""
    ours, theirs = (median(measured[name]) for name in (figure.ours, figure.theirs))
    ratio = theirs / ours if figure.ratio is Ratio.FAST else ours / theirs
    reach, met = "", "–"
    if figure.limit is not None:
        reach, is_met = f"< {quantity(figure.limit, figure.unit)}", ours < figure.limit
    elif figure.reach is not None:
        is_fast = figure.ratio is Ratio.FAST
        reach = f"{'≥' if is_fast else '≤'} {number(figure.reach)}×"
        is_met = ratio >= figure.reach if is_fast else ratio <= figure.reach
    if reach:
        met = "yes" if is_met else "no"
    cells = (
        figure.what,
        figure.rival,
        quantity(ours, figure.unit),
        quantity(theirs, figure.unit),
        f"{number(ratio)}{figure.ratio.value}",
        reach or "–",
        met,
    )
    return f"| {' | '.join(cells)} |"


def table(figures: Iterable[Figure], measured: Measured) -> str:
    """The Markdown table of all figures that were measured."""
    have = [f for f in figures if f.ours in measured and f.theirs in measured]
    return "\n".join([HEADER, *(row(figure, measured) for figure in have), ""])


def machine(document: Mapping[str, Any]) -> str:
    """What was measured on, and when."""
    info = document["machine_info"]
    versions = info["versions"]
    return (
        f"- {info['cpu'].get('brand_raw', info['machine'])}, {info['cores']} cores, "
        f"{info['memory'] / 1e9:.0f} GB of memory, {info['system']}\n"
        f"- Python {info['python_version']}, NumPy {versions['numpy']}, "
        f"torch {versions['torch']}, Textual {versions['textual']}\n"
        f"- {document['datetime'][:10]}; load average before the run: {info['load']:.1f}\n"
    )


def report(document: Mapping[str, Any], figures: Iterable[Figure]) -> str:
    """All of RESULTS.md."""
    return (
        "# Results\n\nWritten by `make bench`. Contestants of a figure take turns.\n\n"
        f"{machine(document)}\n{table(figures, measured(document))}\n"
        "A long run, in which nothing may grow, is in [SOAK.md](SOAK.md), by `make soak`.\n"
    )


def quoting(readme: str, figures: Iterable[Figure], measured: Measured) -> str:
    """Put the quoted rows, without their targets, into the README.

    Raises ValueError if it has no place for them.
    """
    if not QUOTE.search(readme):
        raise ValueError("the README has no place for the table")
    rows = without_targets(table([figure for figure in figures if figure.quoted], measured))
    return QUOTE.sub(lambda _: rows, readme)


def without_targets(rows: str) -> str:
    """Leave the last two cells of each row of a table out."""
    return "".join(f"{line.rsplit('|', 3)[0]}|\n" for line in rows.splitlines())


def number(value: float) -> str:
    """A ratio: of three digits, or a whole number."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def quantity(value: float, unit: Unit) -> str:
    """A time, a rate or a size."""
    if unit is Unit.SECONDS_PER_BYTE:
        return f"{number(1e-6 / value)} MB/s"
    if unit is Unit.BYTES:
        return f"{number(value / 1e6)} MB"
    for name, seconds in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= 0.9995 * seconds:
            return f"{number(value / seconds)} {name}"
    return f"{number(value / 1e-9)} ns"
