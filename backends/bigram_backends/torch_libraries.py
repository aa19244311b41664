"""Loads the shared libraries of PyTorch without holding up the other threads."""

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path

LIBRARIES = (("libtorch_global_deps", ctypes.RTLD_GLOBAL), ("libtorch", ctypes.RTLD_LOCAL))
"""What `import torch` loads, in its order, and whose symbols all libraries see."""


def load_libraries() -> None:
    """Have the system load the libraries of torch, so that `import torch` finds them loaded.

    Python keeps its lock while it loads a library, and those of torch have 400 MB and more: no
    other thread would go on for 0.2 to 0.4 s, nor the screen. A function that ctypes calls does
    without the lock. Where this does not work, `import torch` loads them as ever.
    """
    if os.name != "posix" or "torch" in sys.modules:
        return
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return
    load = ctypes.CDLL(None).dlopen
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    folder = Path(torch.origin).with_name("lib")
    for name, mode in LIBRARIES:
        for path in folder.glob(f"{name}.[sd]*"):  # .so, or .dylib on macOS
            load(os.fsencode(path), mode | os.RTLD_NOW)
