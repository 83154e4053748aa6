"""What ruff cannot check of docs/style.md: arguments and how texts begin."""

import ast
import functools
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PACKAGES = ("kcv", "recipes", "export", "benchmarks")
SECTION = re.compile(r"^([A-Z][A-Za-z ]+):$", re.MULTILINE)
ENTRY = re.compile(r"^    (\*{0,2}\w+): *\n? *(.*)$", re.MULTILINE)


def files(*packages):
    for package in packages:
        path = ROOT / package
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


@functools.cache
def parse(path):
    return ast.parse(path.read_text("utf-8"))


def documented(*packages):
    """Yield (place, node, docstring) of what has a docstring."""
    for path in files(*packages):
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            text = ast.get_docstring(node)
            if text:
                name = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                yield name, node, text


def sections(text):
    """Divide a docstring into its sections, the title without a name."""
    parts = SECTION.split(text)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


def arguments(node):
    """List the names of the arguments of a function or of a constructor."""
    if isinstance(node, ast.ClassDef):
        constructors = [
            part
            for part in node.body
            if isinstance(part, ast.FunctionDef) and part.name == "__init__"
        ]
        if not constructors:
            return None
        node = constructors[0]
    every = node.args
    names = [
        argument.arg
        for argument in (*every.posonlyargs, *every.args, *every.kwonlyargs)
    ]
    return [name for name in names if name not in ("self", "cls")]


def test_documented_arguments_are_those_of_the_signature():
    wrong = []
    for place, node, text in documented(*PACKAGES):
        part = sections(text).get("Args")
        names = arguments(node)
        if part is None or names is None:
            continue
        found = [name for name, _ in ENTRY.findall(part)]
        found = [name for name in found if not name.startswith("*")]
        if found != names:
            wrong.append(f"{place}: {found} but {names}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", PACKAGES)
def test_texts_begin_with_an_upper_case_letter(package):
    wrong = []
    for place, _, text in documented(package):
        for section, part in sections(text).items():
            if section in ("Args", "Attributes", "Call arguments", "Raises"):
                begins = [entry for _, entry in ENTRY.findall(part)]
            elif section == "Returns":
                begins = [part.strip()]
            else:
                continue
            wrong += [
                f"{place}: {section}: {begin[:40]}"
                for begin in begins
                if begin[:1].islower() and not re.match(r"[a-z]+[(_.]", begin)
            ]
    assert not wrong, "\n".join(wrong)


# Turns of docs/style.md that have a plain alternative. "There is no box" and
# "has no weights" are plain; "is no box" is not.
BANNED = re.compile(
    r"\b(?:anew|likewise|by chance|by turns|no such|without end|upon|mended|"
    r"for ever|just|simply|obviously|of course|very)\b"
    r"|\bgo(?:es|ne|ing)? on (?:with|from|as)\b"
    r"|\bsay of\b|\bwhose say\b"
    r"|\b(?:is|are) none of (?:the|these|them)\b"
    r"|\b(?:has|have|is) no room\b|\b(?:but|save) for\b"
    r"|\bas (?:it comes|they come)\b|\bput right\b"
    r"|\btakes after\b|\bcomes of\b|\bt(?:ell|ells|old) (?:\w+ )?apart\b"
    r"|(?<!there )\b(?:is|are|was|were|be) no (?!longer\b|more\b|less\b|fewer\b"
    r"|larger\b|smaller\b|better\b|worse\b|closer\b|other\b|object\b|known\b)"
    r"|[:,;(] as of (?!\d)",
    re.IGNORECASE,
)
# Texts of arguments name the thing first, and say what it is.
NOT_A_NOUN = re.compile(
    r"(?:of|as|what|whose|that|by|likewise)\b"
    r"|see `[^`]*`\.?$|likewise",
    re.IGNORECASE,
)


def messages(tree):
    """Yield (line, text) of the strings of a program that read as text."""
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
            parts = [
                part.value if isinstance(part, ast.Constant) else "{}"
                for part in node.values
            ]
            yield node.lineno, "".join(parts)
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in skipped and " " in node.value:
            yield node.lineno, node.value


def comments(source):
    """Yield (line, text) of the comments of a program, blocks as a whole."""
    block, last = [], -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            if block and line != last + 1:
                yield last, " ".join(block)
                block = []
            block.append(token.string.lstrip("#: "))
            last = line
    if block:
        yield last, " ".join(block)


def prose(text):
    """Remove code from a text, and join its lines."""
    text = re.sub(r"```.*?```|`[^`]*`", "`x`", text, flags=re.DOTALL)
    return " ".join(text.split())


@pytest.mark.parametrize("package", PACKAGES)
def test_no_text_has_a_turn_to_avoid(package):
    wrong = []
    for path in files(package):
        source = path.read_text("utf-8")
        for line, text in (*messages(parse(path)), *comments(source)):
            wrong += [
                f"{path.relative_to(ROOT)}:{line}: {found.group()}"
                for found in BANNED.finditer(prose(text))
            ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", PACKAGES)
def test_texts_of_arguments_begin_with_a_noun(package):
    wrong = []
    for place, _, text in documented(package):
        for section in ("Args", "Attributes"):
            part = sections(text).get(section, "")
            wrong += [
                f"{place}: {name}: {begin[:40]}"
                for name, begin in ENTRY.findall(part)
                if NOT_A_NOUN.match(begin)
            ]
    assert not wrong, "\n".join(wrong)


# Methods that Keras or a base class defines have the meaning that they have
# there.
OF_KERAS = re.compile(
    r"__|call$|build$|compile|compute_|get_config$|from_config$|train_step$"
    r"|test_step$|update_state$|result$|reset_state$|on_|get_updates$|fit$"
    r"|evaluate$|predict$"
)
ARRAY = re.compile(r"\b(?:ndarray|Tensor|TensorLike|ArrayLike|KerasTensor)\b")
SHAPE = re.compile(r"\([^)]*(?:,|\d|\b[A-Z]\b|\.\.\.)[^)]*\)|\(\)|shape|scalar")
DEFAULT = re.compile(r"\bdefault", re.IGNORECASE)


def public(path):
    """Yield (place, node, function, docstring) of what a file offers.

    The function is that with the arguments, None for a record.
    """

    def offered(body, methods):
        for node in body:
            if isinstance(node, ast.ClassDef) and node.name[0] != "_":
                yield node, [f for f in node.body if is_constructor(f)]
                yield from offered(node.body, methods=True)
            elif (
                isinstance(node, ast.FunctionDef)
                and node.name[0] != "_"
                and not (methods and OF_KERAS.match(node.name))
            ):
                yield node, [node]

    for node, function in offered(parse(path).body, methods=False):
        place = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        text = ast.get_docstring(node)
        if text:  # A method without one has that of its base class.
            yield place, node, function[0] if function else None, text


def is_constructor(node):
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def fields(node, function):
    """List (name, annotation, default) of the arguments, or of a record."""
    if function is None:
        return [
            (part.target.id, ast.unparse(part.annotation), part.value)
            for part in node.body
            if isinstance(part, ast.AnnAssign)
            and "init=False" not in ast.unparse(part)
        ]
    every = function.args
    positional = [*every.posonlyargs, *every.args]
    missing = [None] * (len(positional) - len(every.defaults))
    pairs = zip(
        [*positional, *every.kwonlyargs],
        [*missing, *every.defaults, *every.kw_defaults],
        strict=True,
    )
    return [
        (x.arg, ast.unparse(x.annotation) if x.annotation else "", default)
        for x, default in pairs
        if x.arg not in ("self", "cls")
    ]


def entries(text):
    """Map the names of arguments or attributes to their texts."""
    parts = sections(text)
    part = parts.get("Args") or parts.get("Attributes") or ""
    found = re.split(r"^    \*{0,2}(\w+):", part, flags=re.MULTILINE)
    texts = [" ".join(x.split()) for x in found[2::2]]
    return dict(zip(found[1::2], texts, strict=True))


def is_options(node):
    """Whether `--help` shows the defaults of a class."""
    bases = [ast.unparse(base) for base in getattr(node, "bases", [])]
    names = [node.name, *bases]
    return any(re.search(r"Options$|^Run$|^Folder$", name) for name in names)


@pytest.mark.parametrize("package", ["kcv", "export"])
def test_every_argument_and_result_has_a_text(package):
    wrong = []
    for path in files(package):
        for place, node, function, text in public(path):
            if function is None:
                continue
            titles = sections(text).keys()
            names = [name for name, *_ in fields(node, function)]
            if names and not titles & {"Args", "Attributes"}:
                wrong.append(f"{place}: no text of {', '.join(names)}")
            decorators = " ".join(map(ast.unparse, function.decorator_list))
            if re.search("property|contextmanager", decorators):
                continue
            result = (
                ast.unparse(node.returns)
                if node is function and (node.returns)
                else "None"
            )
            if result not in ("None", "NoReturn") and not (
                titles & {"Returns", "Yields"} or text.startswith("Return ")
            ):
                wrong.append(f"{place}: no text of the result")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", ["kcv", "recipes", "export"])
def test_texts_state_defaults_and_shapes(package):
    wrong = []
    for path in files(package):
        for place, node, function, text in public(path):
            if is_options(node):
                continue
            texts = entries(text)
            for name, annotation, default in fields(node, function):
                own = texts.get(name)
                if own is None:
                    continue
                if default is not None and not DEFAULT.search(own):
                    wrong.append(f"{place}: {name}: no default")
                if "None" in annotation and not (
                    "None" in own or DEFAULT.search(own)
                ):
                    wrong.append(f"{place}: {name}: no text of None")
                # A dict of tensors has a text of its own for each.
                is_array = re.match(r"(?!dict|Mapping)", annotation) and (
                    ARRAY.search(annotation)
                )
                if is_array and not SHAPE.search(own):
                    wrong.append(f"{place}: {name}: no shape")
    assert not wrong, "\n".join(wrong)
