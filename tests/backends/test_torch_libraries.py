"""The libraries of torch are loaded while other threads go on."""

import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest

from bigram_backends import torch_libraries

SCRIPT = """
import sys, threading, time
from bigram_backends.torch_libraries import load_libraries

turns, is_loaded = 0, False

def count():
    global turns
    while not is_loaded:
        turns += 1
        time.sleep(0.001)

thread = threading.Thread(target=count)
thread.start()
load_libraries()
is_loaded = True
thread.join()
with open("/proc/self/maps") as maps:
    print("libtorch_cpu" in maps.read(), "torch" in sys.modules, turns)
import torch
print(float((torch.eye(3) @ torch.ones(3)).sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_another_thread_goes_on_and_torch_works_afterwards() -> None:
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120
    )
    is_there, is_imported, turns, total = done.stdout.split()
    assert (is_there, is_imported, total) == ("True", "False", "3.0")
    assert int(turns) > 5, "turns of a millisecond; one or two if the lock was held"


@pytest.mark.parametrize("has_folder", [False, True])
def test_torch_that_is_not_there_or_has_no_libraries_is_left_alone(
    has_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "torch" / "__init__.py"
    if has_folder:
        (package.parent / "lib").mkdir(parents=True)
        package.write_text("")
        (package.parent / "lib" / "libtorch.so").write_text("no library")
    spec: ModuleSpec | None = None
    monkeypatch.setattr(torch_libraries, "find_spec", lambda name: spec)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    torch_libraries.load_libraries()
    if has_folder:
        monkeypatch.syspath_prepend(str(tmp_path))
        spec = find_spec("torch")
        assert spec is not None
        assert spec.origin == str(package)
        torch_libraries.load_libraries()
