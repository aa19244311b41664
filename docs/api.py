"""Write backend_api.md, the reference for authors of backends, from the docstrings: `make docs`."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from textwrap import indent

HERE = Path(__file__).parent
PAGE = HERE / "backend_api.md"

PUBLIC = {
    "bigram_tui.backend": (
        "Backend",
        "Iteration",
        "Bigrams",
        "Matrix",
        "hyperparameter",
        "Hyperparameter",
        "hyperparameters",
        "configure",
        "as_numpy",
    ),
    "bigram_tui.testing": ("BackendTests",),
}
"""The names that a plugin may import, in the order in which its author needs them."""

HEAD = """\
# The backend API

All that a plugin imports, from the docstrings of the code. `make docs` writes this page; do not
edit it. [Writing a backend](writing_a_backend.md) explains how the parts work together.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    parts = [HEAD]
    for module, names in PUBLIC.items():
        tree = parse(module)
        parts += [f"## {module}\n", docstring(tree)]
        for name in names:
            parts += describe(name, find(tree, name))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip() + "\n"


def parse(module: str) -> ast.Module:
    """Parse the source of a module without importing it."""
    path = HERE.parent / module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text("utf-8"))


def find(tree: ast.Module, name: str) -> ast.stmt:
    """Return the definition of a name, which the module may have imported."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign) and unparse(node.targets[0]) == name:
            return node
        if isinstance(node, ast.ImportFrom) and name in (each.name for each in node.names):
            return find(parse(str(node.module)), name)
    raise LookupError(f"no definition of {name}")


def describe(name: str, node: ast.stmt) -> Iterator[str]:
    """Yield the section of a name: its signature, its docstring and its members."""
    yield f"### {name}\n"
    if isinstance(node, ast.ClassDef):
        bases = f"({', '.join(map(unparse, node.bases))})" if node.bases else ""
        yield code(f"class {name}{bases}") + docstring(node)
        yield from members(node)
    elif isinstance(node, ast.FunctionDef):
        yield code(signature(node)) + docstring(node)
    else:
        yield code(unparse(node))


def members(node: ast.ClassDef) -> Iterator[str]:
    """Yield fields, properties and tests as a list, then each public method."""
    methods = [
        each
        for each in node.body
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
    ]
    items = [
        item(unparse(field), comment(following))
        for field, following in pairwise([*node.body, ast.Pass()])
        if isinstance(field, ast.AnnAssign)
    ]
    items += [
        item(f"{each.name}: {unparse(each.returns)}", docstring(each))
        for each in methods
        if is_property(each)
    ]
    items += [item(each.name, docstring(each)) for each in methods if is_test(each)]
    if items:
        yield "".join(items)
    for each in methods:
        if not (is_property(each) or is_test(each)):
            yield f"#### {node.name}.{each.name}\n"
            yield code(signature(each)) + docstring(each)


def item(name: str, text: str) -> str:
    """Return an entry of a list; further paragraphs of its text belong to it."""
    return "- " + indent(f"`{name}`: {text}".removesuffix(": "), "  ").strip() + "\n"


def is_property(node: ast.FunctionDef) -> bool:
    return any(unparse(each) in ("property", "cached_property") for each in node.decorator_list)


def is_test(node: ast.FunctionDef) -> bool:
    return node.name.startswith("test_")


def signature(node: ast.FunctionDef) -> str:
    """Return the header of a function, with one argument a line if it is long."""
    arguments, returns = list(arguments_of(node.args)), unparse(node.returns)
    line = f"def {node.name}({', '.join(arguments)}) -> {returns}"
    if len(line) <= 88:
        return line
    return "\n".join(
        [f"def {node.name}(", *(f"    {each}," for each in arguments), f") -> {returns}"]
    )


def arguments_of(arguments: ast.arguments) -> Iterator[str]:
    """Yield each argument with its annotation and its default."""
    required: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults))
    yield from map(argument, arguments.args, [*required, *arguments.defaults])
    if arguments.kwonlyargs:
        yield "*"
    yield from map(argument, arguments.kwonlyargs, arguments.kw_defaults)


def argument(node: ast.arg, default: ast.expr | None) -> str:
    return unparse(node) if default is None else f"{unparse(node)} = {unparse(default)}"


def unparse(node: ast.AST | None) -> str:
    """Return the source of a node with double quotes."""
    return "None" if node is None else ast.unparse(node).replace("'", '"')


def comment(node: ast.stmt) -> str:
    """Return the string that documents the field above it, if this is one."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return inspect.cleandoc(str(node.value.value))
    return ""


def docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    return f"{ast.get_docstring(node) or ''}\n"


def code(text: str) -> str:
    return f"```python\n{text}\n```\n\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(PAGE)
