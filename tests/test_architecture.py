"""The tree and the directions of imports that docs/design.md promises."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("kcv", "recipes", "export", "benchmarks")

# What is in kcv, from the ground up. A file imports from the floors below its
# own; two rooms of one floor do not know each other.
FLOORS = (
    {
        "backend",
        "environment",
        "examples",
        "extras",
        "pixels",
        "protobuf",
        "quiet_tensorflow",
        "settings",
        "storage",
        "text_files",
    },
    {"interrupts", "locks", "parts", "trained"},
    {"training"},
    {
        "boxes",
        "constraints",
        "initializers",
        "landmarks",
        "losses",
        "optimizers",
    },
    {"data", "layers", "weights"},
    {"metrics", "proposals"},
    {"classification", "visualize"},
    {"detection", "faces", "masks", "segmentation", "style"},
    {"convert", "serving"},
    {"commands"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Rooms that get proposals from outside, as a record of boxes and masks.
READERS_OF_PROPOSALS = {"commands", "detection", "masks"}
# Other packages of the checkout that one may use.
MAY_USE = {
    "kcv": {"kcv"},
    "export": {"kcv", "export"},
    "recipes": {"kcv", "export", "recipes"},
    "benchmarks": {"kcv", "recipes", "benchmarks"},
}


def files(package):
    return sorted((ROOT / package).rglob("*.py"))


def imports(path):
    """Yield the full dotted name of all that a file imports, with its line.

    `kcv.NAME` in its code counts, since rooms load at their first use.
    """
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno
        elif (
            isinstance(node, ast.Attribute) and ast.unparse(node.value) == "kcv"
        ):
            yield f"kcv.{node.attr}", node.lineno


def imported(package):
    """Yield (place, file, parts of the name) of all imports of a package."""
    for path in files(package):
        file = path.relative_to(ROOT)
        for name, line in imports(path):
            yield f"{file}:{line} imports {name}", file, name.split(".")


def room_of(file):
    """The room of a file of kcv; None for kcv/__init__.py and the like."""
    room = file.with_suffix("").parts[1]
    return None if room.startswith("__") else room


def test_every_room_of_kcv_has_a_floor():
    rooms = {room_of(path.relative_to(ROOT)) for path in files("kcv")}
    assert rooms - {None} <= set(FLOOR)


def test_imports_of_kcv_run_downwards():
    upwards = []
    for place, file, name in imported("kcv"):
        room = room_of(file)
        if name[0] != "kcv" or room is None:
            continue
        target = name[1] if len(name) > 1 else None
        if target in FLOOR and target != room:
            reads = target != "proposals" or room in READERS_OF_PROPOSALS
            if FLOOR[target] >= FLOOR[room] or not reads:
                upwards.append(place)
    assert not upwards


def test_of_proposals_a_chapter_knows_the_record():
    inside = [
        place
        for place, file, name in imported("kcv")
        if room_of(file) in READERS_OF_PROPOSALS
        and name[:2] == ["kcv", "proposals"]
        and name[2] not in ("Proposals", "propose", "record")
    ]
    assert not inside


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_use_those_they_may(package):
    others = {*PACKAGES, "tests"} - MAY_USE[package]
    assert not [
        place for place, _, name in imported(package) if name[0] in others
    ]


def test_what_recipes_share_imports_no_recipe():
    assert not [
        place
        for place, file, name in imported("recipes")
        if file.parts[1] == "common"
        and name[0] == "recipes"
        and name[1] != "common"
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_private_names_stay_in_their_package(package):
    private = [
        place
        for place, file, name in imported(package)
        if any(re.match(r"_[^_]", part) for part in name)
        and name[:2] != [*file.with_suffix("").parts[:2]]
    ]
    for path in files(package):
        tree = ast.parse(path.read_text("utf-8"))
        modules = {
            alias.asname or alias.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        private += [
            f"{path}:{node.lineno} uses {node.value.id}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
            and re.match(r"_[^_]", node.attr)
            # Python's documentation has it, in spite of its name.
            and ast.unparse(node) != "os._exit"
        ]
    assert not private


def paths_of_the_tree():
    """Read the paths that the tree in docs/design.md shows."""
    text = (ROOT / "docs" / "design.md").read_text("utf-8")
    tree = re.search(
        r"^## 1\. The tree\n+```text\n(.*?)^```", text, re.M | re.S
    )
    folders = []
    for line in tree[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        for word in line.split():
            if not re.fullmatch(r"\w+(/|\.py)", word):
                break
            folders[depth:] = [word.rstrip("/")]
            yield "/".join(folders)


def test_the_tree_is_there():
    paths = list(paths_of_the_tree())
    assert "kcv/proposals/store" in paths
    assert "kcv/losses.py" in paths
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing


def test_no_file_is_named_after_nothing():
    vague = {"utils.py", "helpers.py", "misc.py", "common.py"}
    named = {
        path.relative_to(ROOT)
        for package in (*PACKAGES, "tests")
        for path in files(package)
        if path.name in vague or path.parent.name == "utils"
    }
    assert not named


def test_folders_of_tests_mirror_the_code():
    of_their_own = {"golden", "hostile", "fuzz"}
    for folder in (ROOT / "tests").rglob("*"):
        path = folder.relative_to(ROOT / "tests")
        if not folder.is_dir() or of_their_own & {*path.parts}:
            continue
        if not list(folder.glob("test_*.py")):
            continue
        is_top = path.parts[0] in PACKAGES
        code = ROOT / path if is_top else ROOT / "kcv" / path
        assert code.is_dir(), f"tests/{path} has no counterpart"
