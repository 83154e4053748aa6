"""What ruff cannot check of docs/style.md: arguments and how texts begin."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Packages whose texts are rewritten by docs/style.md. This list only becomes
# longer, until it is the whole of `kcv`, `recipes` and `export`.
REWRITTEN = (
    "kcv/__init__.py",
    "kcv/__main__.py",
    "kcv/backend.py",
    "kcv/boxes.py",
    "kcv/classification",
    "kcv/commands",
    "kcv/data/embedded",
    "kcv/data/formats",
    "kcv/data/sources",
    "kcv/data/streams/decoding.py",
    "kcv/data/streams/face_pairs.py",
    "kcv/data/streams/faults.py",
    "kcv/data/streams/holdout.py",
    "kcv/data/streams/images.py",
    "kcv/data/streams/kept.py",
    "kcv/data/streams/notices.py",
    "kcv/data/streams/ordering.py",
    "kcv/data/streams/people.py",
    "kcv/data/streams/randomness.py",
    "kcv/data/streams/records.py",
    "kcv/data/streams/validation.py",
    "kcv/data/transforms",
    "kcv/detection",
    "kcv/environment.py",
    "kcv/examples.py",
    "kcv/extras.py",
    "kcv/faces",
    "kcv/interrupts.py",
    "kcv/landmarks.py",
    "kcv/layers",
    "kcv/locks.py",
    "kcv/masks",
    "kcv/metrics",
    "kcv/pixels.py",
    "kcv/proposals",
    "kcv/protobuf.py",
    "kcv/quiet_tensorflow.py",
    "kcv/segmentation",
    "kcv/settings.py",
    "kcv/storage.py",
    "kcv/style",
    "kcv/text_files.py",
    "kcv/training",
    "kcv/visualize/__init__.py",
    "kcv/visualize/boxes.py",
    "kcv/visualize/confusion.py",
    "kcv/visualize/embeddings.py",
    "kcv/visualize/figure.py",
    "kcv/visualize/filters.py",
    "kcv/visualize/masks.py",
    "kcv/visualize/pictures.py",
    "kcv/visualize/projections.py",
    "kcv/weights",
)
SECTION = re.compile(r"^([A-Z][A-Za-z ]+):$", re.MULTILINE)
ENTRY = re.compile(r"^    (\*{0,2}\w+): *\n? *(.*)$", re.MULTILINE)


def files(*packages):
    for package in packages:
        path = ROOT / package
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def documented(*packages):
    """Yield (place, node, docstring) of what has a docstring."""
    for path in files(*packages):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
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
    for place, node, text in documented("kcv", "recipes/common", "export"):
        part = sections(text).get("Args")
        names = arguments(node)
        if part is None or names is None:
            continue
        found = [name for name, _ in ENTRY.findall(part)]
        found = [name for name in found if not name.startswith("*")]
        if found != names:
            wrong.append(f"{place}: {found} but {names}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", REWRITTEN)
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
