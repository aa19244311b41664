"""Whatever a stranger's backend does, the app stays alive, says so, and the other run goes on."""

import textwrap
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bigram_tui.training.snapshot import Status
from bigram_tui.tui.app import BigramApp
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.loss_curve import LossCurve
from bigram_tui.tui.widgets.status import RunsBar
from tests.conftest import slow
from tests.tui.conftest import MakeApp, Settle, TextOf, WaitUntil

SIZE = (100, 28)

HEAD = """
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bigram_tui.backend import Backend, Iteration


def uniform(bigrams):
    return np.full(bigrams.counts.shape, 1 / len(bigrams.counts))

"""


def write(folder: Path, body: str, *, train: bool = True) -> str:
    """A backend file; `body` is what its train does, or the whole module."""
    path = folder / "plugin.py"
    if train:
        text = (
            f"{HEAD}\n@dataclass\nclass Plugin(Backend):\n    def train(self, bigrams, weights):\n"
        )
        text += textwrap.indent(textwrap.dedent(body), " " * 8)
    else:
        text = textwrap.dedent(body)
    path.write_text(text, "utf-8")
    return str(path)


def screen_text(pilot: Pilot[None]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def assert_the_other_run_steps(pilot: Pilot[None], settle: Settle) -> None:
    assert isinstance(pilot.app, BigramApp)
    other = pilot.app.runners[1]
    before = other.snapshot.iteration
    await pilot.press("2", "s")
    await settle(pilot)
    assert other.snapshot.iteration == before + 1
    assert f"numpy step {before + 1}  nll {other.snapshot.nll:.4f}" in screen_text(pilot)
    assert not pilot.app.screen.query_one("#notice").display, "the other run is well"
    await pilot.press("1")
    await settle(pilot)


FAILING = {
    "raises at step 3": (
        """
        for iteration in range(3):
            yield Iteration(uniform(bigrams), weights)
        raise RuntimeError("out of luck")
        """,
        "plugin failed at step 3: RuntimeError: out of luck",
    ),
    "raises at once": ("raise KeyError('lost')\nyield", "plugin failed at step 0: KeyError"),
    "exits": (
        "yield Iteration(uniform(bigrams), weights)\nraise SystemExit(3)",
        "plugin failed at step 1: SystemExit",
    ),
    "wrong shape": (
        "yield Iteration(uniform(bigrams)[1:], weights)",
        "plugin failed at step 0: ValueError: probabilities must be (27, 27)",
    ),
    "no iteration": (
        "yield uniform(bigrams)",
        "plugin failed at step 0: TypeError: train() yielded ndarray",
    ),
    "ends at once": ("return\nyield", "train() ended before it yielded an iteration"),
}


@pytest.mark.parametrize(("body", "reason"), FAILING.values(), ids=FAILING)
async def test_a_backend_that_fails_says_why(
    make_app: MakeApp, settle: Settle, tmp_path: Path, body: str, reason: str
) -> None:
    app = make_app((write(tmp_path, body), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)
        assert app.runners[0].snapshot.status is Status.FAILED
        assert reason in screen_text(pilot)
        assert "failed" in screen_text(pilot).split("\n")[1]
        await assert_the_other_run_steps(pilot, settle)
        assert reason in screen_text(pilot), "it is still there"


@pytest.mark.parametrize("value", ["np.nan", *slow("np.inf")])
async def test_a_table_without_numbers_is_shown_as_diverged(
    make_app: MakeApp, settle: Settle, tmp_path: Path, value: str
) -> None:
    """Also in the form that writes the numbers into the cells."""
    body = f"""
        yield Iteration(uniform(bigrams), weights)
        table = uniform(bigrams)
        table[:, 1:] = {value}
        while True:
            yield Iteration(table, weights)
        """
    app = make_app((write(tmp_path, body), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("minus", "minus", "minus", "s")
        await settle(pilot)
        assert app.runners[0].snapshot.status is Status.DIVERGED
        assert "plugin diverged at step 1" in screen_text(pilot)
        assert "diverged" in screen_text(pilot).split("\n")[1]
        assert not app.screen.query_one(Heatmap).form.value
        await pilot.press("plus", "plus", "plus")
        await settle(pilot)
        assert app.screen.query_one(Heatmap).form.value
        assert value[3:] in screen_text(pilot).split("under the cursor")[0], "in the cells"
        await pilot.press("v", "v")
        await settle(pilot)
        await assert_the_other_run_steps(pilot, settle)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
async def test_a_gradient_without_numbers_can_be_looked_at(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    body = """
        gradient = np.full_like(weights, np.nan)
        gradient[0, 0] = -np.inf
        while True:
            yield Iteration(uniform(bigrams), weights, gradient)
        """
    app = make_app((write(tmp_path, body), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("s", "v", "v", "v", "plus", "plus")
        await settle(pilot)
        assert app.screen.query_one(Heatmap).form.value
        assert "gradient" in str(app.screen.query_one(Heatmap).border_title)
        assert screen_text(pilot).count("nan") > 20, "in the cells"
        await assert_the_other_run_steps(pilot, settle)


async def test_a_backend_that_ends_early_has_finished(
    make_app: MakeApp, settle: Settle, tmp_path: Path, text_of: TextOf
) -> None:
    body = "for _ in range(3):\n    yield Iteration(uniform(bigrams), weights)"
    app = make_app((write(tmp_path, body), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("S")
        await settle(pilot)
        assert app.runners[0].snapshot.status is Status.FINISHED
        assert app.runners[0].snapshot.iteration == 2
        assert "plugin ✓ step 2 " in text_of(app.screen.query_one(RunsBar))
        await assert_the_other_run_steps(pilot, settle)


async def test_rows_that_do_not_sum_to_one_are_flagged(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    body = "while True:\n    yield Iteration(uniform(bigrams) * 0.5, weights)"
    app = make_app((write(tmp_path, body), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "the rows of plugin's P sum to 0.5 up to 0.5, not to 1" in screen_text(pilot)
        await assert_the_other_run_steps(pilot, settle)


async def test_a_loss_that_disagrees_is_flagged(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    body = "while True:\n    yield Iteration(uniform(bigrams), weights, loss=1.25)"
    app = make_app((write(tmp_path, body), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "plugin reports a loss of 1.25; its P gives 3.29584" in screen_text(pilot)


async def test_what_a_backend_raises_is_no_markup(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    body = "raise RuntimeError('[red]boom[/] \\x1b[31m [/nothing]')\nyield"
    app = make_app((write(tmp_path, body), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "[red]boom[/] ␛[31m [/nothing]" in screen_text(pilot)
        assert "\x1b" not in screen_text(pilot)


UNIMPORTABLE = {
    "raises": ("raise OSError('no such device')", "plugin can't be imported: OSError: no such"),
    "exits": ("raise SystemExit(2)", "plugin can't be imported: SystemExit: 2"),
    "no syntax": ("def (", "plugin can't be imported: SyntaxError"),
    "missing module": (
        "import a_module_that_is_nowhere",
        "needs a_module_that_is_nowhere, not installed here: pip install a_module_that_is_nowhere",
    ),
    "no backend": ("x = 1", "must define one subclass of Backend, not none"),
}


@pytest.mark.parametrize(("text", "reason"), UNIMPORTABLE.values(), ids=UNIMPORTABLE)
async def test_a_backend_that_cannot_be_imported_says_why(
    make_app: MakeApp, settle: Settle, tmp_path: Path, text: str, reason: str
) -> None:
    app = make_app((write(tmp_path, text, train=False), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert app.runners[0].snapshot.status is Status.FAILED
        # A long path may break the line anywhere.
        assert "".join(reason.split()) in "".join(screen_text(pilot).split())
        assert "plugin has nothing to show" in screen_text(pilot)
        await assert_the_other_run_steps(pilot, settle)


async def test_r_tries_again_what_could_not_be_imported(
    make_app: MakeApp, settle: Settle, tmp_path: Path
) -> None:
    app = make_app((write(tmp_path, "raise OSError('not yet')", train=False), "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "r tries again" in screen_text(pilot)
        write(tmp_path, "while True:\n    yield Iteration(uniform(bigrams), weights)")
        await pilot.press("r")
        await settle(pilot)
        assert app.runners[0].snapshot.status is Status.READY
        assert "not yet" not in screen_text(pilot)


async def test_an_import_that_takes_its_time_holds_up_nobody(
    make_app: MakeApp, settle: Settle, wait_until: WaitUntil, tmp_path: Path
) -> None:
    gate = tmp_path / "go"
    plugin = write(
        tmp_path,
        f"""
        import time
        from pathlib import Path
        while not Path({str(gate)!r}).exists():
            time.sleep(0.005)
        """
        + textwrap.indent(HEAD, " " * 8)
        + """
        @dataclass
        class Plugin(Backend):
            def train(self, bigrams, weights):
                yield Iteration(uniform(bigrams), weights)
        """,
        train=False,
    )
    app = make_app((plugin, "numpy"))
    async with app.run_test(size=SIZE) as pilot:
        try:
            slow, other = app.runners
            await wait_until(pilot, lambda: "loading plugin …" in screen_text(pilot))
            await pilot.press("2")
            await wait_until(pilot, lambda: other.snapshot.iteration == 0)
            await pilot.press("s", "s")
            await wait_until(pilot, lambda: other.snapshot.iteration == 2 and other.is_idle)
            await wait_until(pilot, lambda: "numpy step 2 " in screen_text(pilot))
            assert slow.snapshot.status is Status.LOADING
        finally:
            gate.touch()
        await wait_until(pilot, lambda: slow.snapshot.status is Status.READY)
        await pilot.press("1")
        await settle(pilot)
        assert "loading" not in screen_text(pilot)


@pytest.mark.slow
async def test_an_import_that_never_ends_does_not_keep_the_app_from_quitting(
    make_app: MakeApp, wait_until: WaitUntil, tmp_path: Path
) -> None:
    gate = tmp_path / "go"
    plugin = write(
        tmp_path,
        f"""
        import time
        from pathlib import Path
        while not Path({str(gate)!r}).exists():
            time.sleep(0.005)
        """,
        train=False,
    )
    app = make_app((plugin,))
    try:
        async with app.run_test(size=SIZE) as pilot:
            await wait_until(pilot, lambda: "loading plugin …" in screen_text(pilot))
            await pilot.press("s", "q")
        assert app.return_code == 0
    finally:
        gate.touch()


@pytest.mark.slow
async def test_the_plot_fills_the_room_that_a_backend_with_fewer_controls_leaves(
    make_app: MakeApp, settle: Settle, text_of: TextOf, tmp_path: Path
) -> None:
    path = tmp_path / "rich.py"
    path.write_text(
        "from dataclasses import dataclass\n"
        "import numpy as np\n"
        "from bigram_tui.backend import Backend, Iteration, hyperparameter\n"
        "@dataclass\n"
        "class Rich(Backend):\n"
        + "".join(f"    field{k}: float = hyperparameter(1.0)\n" for k in range(6))
        + "    def train(self, bigrams, weights):\n"
        "        while True:\n"
        "            yield Iteration(np.full(weights.shape, 1 / len(weights)), weights)\n"
    )
    app = make_app(backends=(str(path), "numpy"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)
        lower = app.screen.query_one(LossCurve).size.height
        await pilot.press("2")
        await settle(pilot)
        loss = app.screen.query_one(LossCurve)
        assert loss.size.height > lower
        lines = text_of(loss).splitlines()[1:]  # below the title
        assert lines[-1].split() == ["0", "10"]


async def test_a_backend_that_lacks_a_library_says_so_unasked(
    make_app: MakeApp, settle: Settle, text_of: TextOf, tmp_path: Path
) -> None:
    plugin = write(tmp_path, f"import no_such_library\n{HEAD}", train=False)
    app = make_app(("numpy", plugin), wanted=())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "plugin not installed" in text_of(app.screen.query_one(RunsBar))
        await pilot.press("c")
        await settle(pilot)
        text = screen_text(pilot)
        assert "needs no_such_library, not installed here: pip install no_such_library" in text
        assert "not loaded" not in text
