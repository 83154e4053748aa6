"""Docstring examples that are shown but not run name what there is.

Examples with `>>>` run, by `--doctest-modules`. Those between fences need a
user's files, a trained model or a server. Here, each must be valid Python, call
what exists with arguments that exist, and import what it uses: Only the
reader's own data, such as `model`, `images` or `photograph`, stays open.
"""

import ast
import builtins
import functools
import importlib
import inspect
import re
import sys
import textwrap
from pathlib import Path

import pytest

import kcv

ROOT = Path(__file__).resolve().parents[1]
USUAL = {"kcv", "keras", "tf", "np", *dir(builtins)}


def fenced(path):
    """Yield the fenced examples of a file, as (line, syntax tree)."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            name = getattr(node, "name", "module")
            text = ast.get_docstring(node) or ""
            for code in re.findall(r"```python\n(.*?)```", text, re.S):
                yield name, ast.parse(textwrap.dedent(code))


EXAMPLES = [
    pytest.param(
        path, tree, id=f"{path.relative_to(ROOT).with_suffix('')}-{name}"
    )
    for package in ("kcv", "recipes", "export")
    for path in sorted((ROOT / package).rglob("*.py"))
    for name, tree in fenced(path)
]


def names_of(tree):
    """Return the names that an example uses without making them."""
    made, used = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            made |= {a.asname or a.name.split(".")[0] for a in node.names}
    return used - made - USUAL


@functools.cache
def public_names():
    rooms = [getattr(kcv, name) for name in kcv.__all__ if name.islower()]
    return {
        name
        for room in rooms
        if inspect.ismodule(room)
        for name in getattr(room, "__all__", ())
    }


def found(node, module):
    """Find the object that a dotted name means; None for the reader's own."""
    *outer, name = ast.unparse(node).split(".")
    if outer and outer[0] == "kcv":
        return functools.reduce(getattr, [*outer[1:], name], kcv)
    return None if outer else getattr(module, name, None)


@pytest.mark.parametrize(("path", "tree"), EXAMPLES)
def test_an_example_names_what_there_is(path, tree):
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    for name in names_of(tree) - set(vars(module)):
        is_code = name in public_names() or name in sys.stdlib_module_names
        assert not is_code, f"{name} is not imported"
        assert name[0].islower(), f"{name} is not imported"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(
            r"kcv(\.\w+)+", ast.unparse(node)
        ):
            found(node, module)
        if not isinstance(node, ast.Call) or not re.fullmatch(
            r"\w+(\.\w+)*", ast.unparse(node.func)
        ):
            continue
        function = found(node.func, module)
        if not callable(function) or inspect.isbuiltin(function):
            continue
        if inspect.isclass(function):
            function = functools.partial(function.__init__, None)
        if any(isinstance(x, ast.Starred) for x in node.args):
            continue
        keywords = {x.arg: None for x in node.keywords if x.arg}
        inspect.signature(function).bind(*node.args, **keywords)
