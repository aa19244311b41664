"""Finds backends in installed packages and in single files, and imports only those chosen."""

import ast
import inspect
import os
import sys
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from itertools import chain, count
from pathlib import Path

from bigram_tui.backend import Backend
from bigram_tui.errors import NOT_INSTALLED, UserError
from bigram_tui.faults import PluginError, plugin_code
from bigram_tui.formatting.printable import printable
from bigram_tui.paths import config_folder, read_regular
from bigram_tui.training import entry_points

GROUP = "bigram_tui.backends"
"""The entry point group in which a package names its backends."""

PITFALLS = "bigram_tui.pitfalls"
"""The group of backends that make a mistake on purpose; they run only when asked for."""

LARGEST_SOURCE = 10_000_000
"""Bytes of a source file that is looked at for what it imports."""


STATEMENTS = "body", "orelse", "cases"
"""The parts of a statement that hold other statements, where no try, if or with is entered."""


class BackendError(UserError):
    """One line that says why a backend is not available and what to do."""


@dataclass(frozen=True)
class BackendSource:
    """A backend's name and origin; nothing of it is imported yet."""

    name: str
    origin: str
    """The package and its version, or the path of the file."""
    entry_point: entry_points.EntryPoint | None = None
    file: Path | None = None
    alias_of: str = ""
    """The name of the backend, if `name` is that of one of its runs."""
    isolated: bool = False
    """Whether its class is imported, and trains, in a process of its own."""

    @property
    def backend(self) -> str:
        """The name of the backend itself, also if `name` is that of a run."""
        return self.alias_of or self.name

    def alias(self, name: str) -> "BackendSource":
        """Return the same backend under the name of a run."""
        return replace(self, name=printable(name), alias_of=self.backend)

    @cached_property
    def _code(self) -> Path | None:
        """The source file, found without importing its package; None if there is none."""
        if self.file is not None:
            return self.file
        assert self.entry_point is not None
        spec = _find_module(self.entry_point.module)
        return Path(spec.origin) if spec and spec.origin and spec.has_location else None

    @cached_property
    def imports(self) -> frozenset[str]:
        """The top-level modules that its source imports, inside functions too."""
        if self._code is None:
            return frozenset()
        try:
            return frozenset(_imported(ast.parse(read_regular(self._code, LARGEST_SOURCE))))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return frozenset()

    @property
    def _unreadable(self) -> str | None:
        """Why its file can't be read; None if it can, or if a package has it."""
        if self.file is None or (os.path.isfile(self.file) and os.access(self.file, os.R_OK)):
            return None
        try:
            read_regular(self.file, LARGEST_SOURCE)
        except OSError as error:
            return f"can't be read: {error.strerror or error}"
        return None

    @property
    def obstacle(self) -> str | None:
        """Why it can't be used and what to do, as far as is known without importing it."""
        if self._code is None:
            module = self.entry_point.module if self.entry_point else self.name
            return f"its module {module} is not there; reinstall {self.origin}"
        if self._unreadable is not None:
            return self._unreadable
        missing = sorted(name for name in self.imports if not _is_there(name))
        if not missing:
            return None
        names = " ".join(missing)
        return f"needs {', '.join(missing)}, {NOT_INSTALLED}: pip install {names}"

    @property
    def is_light(self) -> bool:
        """Whether all that it imports is imported already, so that loading it takes no time.

        Other modules of its own package are assumed to import nothing else.
        """
        package = self.entry_point.module.partition(".")[0] if self.entry_point else ""
        return all(name in sys.modules for name in self.imports - {package})

    def load(self) -> type[Backend]:
        """Import and return the backend's class, once. Raises BackendError whatever goes wrong."""
        if "_class" not in self.__dict__:
            load = self._load_isolated if self.isolated else self._load
            self.__dict__["_class"] = load()  # the dataclass is frozen
        loaded: type[Backend] = self.__dict__["_class"]
        return loaded

    def _load(self) -> type[Backend]:
        if self._unreadable is not None:  # to open a pipe would be to wait for it
            raise BackendError(f"{self.name} {self._unreadable}")
        try:
            with plugin_code(str(self._code)):
                return self._load_class()
        except PluginError as fault:
            hint = self.obstacle or fault
            raise BackendError(f"{self.name} can't be imported: {hint}") from None

    def _load_class(self) -> type[Backend]:
        loaded = self._load_file(self.file) if self.file else self.entry_point.load()  # type: ignore[union-attr]
        if not (inspect.isclass(loaded) and issubclass(loaded, Backend)):
            raise BackendError(f"{self.name} is no backend: {self.origin} names {loaded!r}")
        if inspect.isabstract(loaded):
            raise BackendError(f"{self.name} has no train method")
        return loaded

    def _load_isolated(self) -> type[Backend]:
        from bigram_tui.isolation.process import BackendRaisedError, ProcessError
        from bigram_tui.isolation.proxy import isolate  # most users never isolate anything

        try:
            return isolate(replace(self, isolated=False).load)
        except BackendRaisedError as fault:
            named = str(fault).startswith(self.name)
            raise BackendError(str(fault) if named else f"{self.name}: {fault}") from fault
        except ProcessError as error:
            raise BackendError(f"{self.name} can't be imported: {error}") from error

    def _load_file(self, path: Path) -> type[Backend]:
        spec = spec_from_file_location(f"bigram_tui_file:{path.resolve()}", path)
        if spec is None or spec.loader is None:
            raise BackendError(f"{path} is not a Python file")
        module = module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up there
        spec.loader.exec_module(module)
        classes = [
            value
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, Backend)
            and value.__module__ == spec.name
            and not inspect.isabstract(value)
        ]
        if len(classes) != 1:
            names = ", ".join(c.__name__ for c in classes) or "none"
            raise BackendError(f"{path} must define one subclass of Backend, not {names}")
        return classes[0]


def backends_folder() -> Path:
    """Return the folder of the user's own backends: one .py file each."""
    return config_folder() / "backends"


def discover() -> dict[str, BackendSource]:
    """Return all backends by name: of installed packages, then of the configuration folder.

    A name that is taken gets a number, so that no backend hides another.
    """
    sources: dict[str, BackendSource] = {}
    for source in (*_installed(GROUP), *map(_from_file, sorted(backends_folder().glob("*.py")))):
        _add(sources, source)
    return sources


def pitfalls() -> dict[str, BackendSource]:
    """Return the backends that each make a classic mistake, by name; `discover` leaves them out."""
    sources: dict[str, BackendSource] = {}
    for source in _installed(PITFALLS):
        _add(sources, source)
    return sources


def choose(names_and_paths: Iterable[str]) -> list[BackendSource]:
    """Return the backends of some names and paths, in that order; all of `discover` without any.

    A pitfall is found by its name too, unless another backend has that name.
    Raises BackendError if there is no such backend or file.
    """
    texts = list(dict.fromkeys(names_and_paths))
    files = {text: Path(text) for text in texts if text.endswith(".py")}
    for text, path in files.items():
        if not os.path.isfile(path):
            raise BackendError(f"no backend file {text!r}; --list-backends shows what there is")
    available = discover()
    known = pitfalls() | available if texts else available
    chosen: dict[str, BackendSource] = {}
    for text in texts:
        if text in files:
            source = _add({**known, **chosen}, _from_file(files[text]))
            chosen[source.name] = source
        elif text in known:
            chosen[text] = known[text]
        else:
            names = ", ".join(available)
            raise BackendError(
                f"no backend named {text!r}; there are: {names}, or give the path of a .py file"
            )
    return list((chosen if texts else available).values())


def unique_name(name: str, taken: Container[str], mark: str = " #") -> str:
    """Return a name that is not taken: the name itself, or with the first free number from 2 on.

    mark: what stands between the name and the number, as in "numpy #2", the second run of numpy.
    """
    numbered = (f"{name}{mark}{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def _installed(group: str) -> Iterator[BackendSource]:
    for point in entry_points.installed(group):
        yield BackendSource(printable(point.name), printable(point.origin), entry_point=point)


def _from_file(path: Path) -> BackendSource:
    return BackendSource(printable(path.stem), printable(str(path)), file=path)


def _add(sources: dict[str, BackendSource], source: BackendSource) -> BackendSource:
    """Add a source by its name, or with a number if the name is taken, and return it."""
    # With a hyphen, as users type the names of backends in a shell, where # may begin a comment.
    name = unique_name(source.name, sources, mark="-")
    sources[name] = replace(source, name=name)
    return sources[name]


def _find_module(name: str) -> ModuleSpec | None:
    """The spec of a dotted module, found without importing its parents, unlike by `find_spec`."""
    path: list[str] | None = None
    spec = None
    for depth in range(1, name.count(".") + 2):
        qualified = ".".join(name.split(".")[:depth])
        spec = PathFinder.find_spec(qualified, path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or [])
    return spec


def _imported(tree: ast.AST) -> Iterator[str]:
    """The top-level names of absolute imports, except of those inside try, if and with."""
    # Imports are statements, so there is no need to go through any expression.
    for node in chain.from_iterable(getattr(tree, field, ()) for field in STATEMENTS):
        if isinstance(node, ast.Try | ast.TryStar | ast.If | ast.With):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]
        yield from _imported(node)


def _is_there(name: str) -> bool:
    if name in sys.modules or name in sys.builtin_module_names:
        return True
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
