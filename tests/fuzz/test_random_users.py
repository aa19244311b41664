"""No user can break the program, whatever they press, click, type, paste or resize."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.events import UserEvent, user_events
from tests.fuzz.fuzzed import Costs, use

DATA = Path(__file__).parents[2] / "data"

TEXTS = {
    "one character": "a\n",
    "markup": "[red]x[/]\n[@click=app.quit]y[/]\n[/]\n[[\\[\n$primary\n",
    "emoji": "👩‍👩‍👧 ☕️\n🇩🇪\n🏳️‍🌈x\n",
    "right-to-left": "שלום\nسلام\n\u202eabc\u202c\n",
    "names": (DATA / "names.txt").read_text("utf-8"),
    "places": (DATA / "places.txt").read_text("utf-8"),
}

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""How many users `make fuzz` tries; 0 in the suite, where they are few and always the same."""
FEW = 60
EVENTS = 300 if EXAMPLES else 60
"""What one of them does at most."""


@pytest.fixture(scope="module")
def costs() -> Iterator[Costs]:
    """What events cost in all examples; told at the end, where pytest shows output (-s)."""
    costs = Costs()
    yield costs
    print(f"\n{costs.count:,} events; the longest hold the screen for:")
    for seconds, event in costs.longest():
        print(f"  {1000 * seconds:6.0f} ms of CPU  {event}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # what is left where a user quits
@settings(
    deadline=None,
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or FEW,
    suppress_health_check=[*HealthCheck],
)
@given(
    text=st.sampled_from(sorted(TEXTS)),
    actions=st.lists(user_events(), min_size=EVENTS // 3, max_size=EVENTS),
    reading=st.booleans(),
)
def test_nothing_breaks(text: str, costs: Costs, actions: list[UserEvent], reading: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "text.txt"
        corpus.write_text(TEXTS[text], "utf-8")
        use(actions, corpus, Path(folder), reading=reading, costs=costs)
