"""Code on pages runs as it is printed, and links lead to what exists."""

import functools
import inspect
import json
import re
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kcv
from recipes.common.trunks import small_parts

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
# Its blocks show how a text is written, and are not one program.
STYLE = ROOT / "docs" / "style.md"


NOT_RUN = "<!-- not run: "


def blocks(page):
    """Return the Python blocks of a page in order, and whether each runs.

    A block that needs what is not at hand, such as a published file, stands
    below a comment that says why it does not run.
    """
    return [
        (code, not above.startswith(NOT_RUN))
        for above, code in re.findall(
            r"^([^\n]*)\n```python\n(.*?)^```",
            page.read_text("utf-8"),
            re.M | re.S,
        )
    ]


PAGES = [
    pytest.param(page, id=page.relative_to(ROOT).as_posix())
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if page != STYLE and blocks(page)
]


def prose(page):
    """Return the text of a page without its blocks of code."""
    return re.sub(
        r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S
    )


def anchors(page):
    """Return the anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in words}


def run(page):
    """Run the blocks of a page as one program; return its variables."""
    names = {"__name__": page.stem}
    for code, runs in blocks(page):
        program = compile(code, str(page), "exec")
        if runs:
            exec(program, names)
    return names


def with_other(function, **instead):
    """Make a function that replaces some of its arguments by cheap ones.

    All arguments are checked against the signature of the original. A backbone
    that a page has built is cheap already.
    """
    signature = inspect.signature(function)
    if inspect.isclass(function):  # Keras hides it behind (*args, **kwargs)
        _, *parameters = inspect.signature(
            function.__init__
        ).parameters.values()
        signature = inspect.Signature(parameters)

    @functools.wraps(function, updated=())
    def call(*args, **kwargs):
        given = dict(signature.bind(*args, **kwargs).arguments)
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                given.update(given.pop(name, {}))
        if isinstance(given.get("backbone"), keras.Model | kcv.detection.Parts):
            return function(**given)
        return function(**{**given, **instead})

    return call


# Functions of tf.data are traced all the same, which TensorFlow says each time.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


@pytest.fixture(scope="module")
def parts():
    return small_parts()


@pytest.fixture
def eager():
    """Functions run at once. To trace them takes longer than a page needs."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def small_networks(monkeypatch, parts, eager):
    """Nothing is downloaded, and networks and images are small."""
    for module, name, instead in (
        (kcv.data, "resize", {"short_side": 64, "long_side": 96}),
        (kcv.detection, "FasterRCNN", {"backbone": parts}),
        (kcv.detection, "FastRCNN", {"backbone": parts}),
        (kcv.segmentation, "FCN8s", {"backbone": "googlenet"}),
    ):
        if "backbone" in instead:
            instead["weights"] = None
        function = getattr(module, name)
        monkeypatch.setattr(module, name, with_other(function, **instead))
    painting = with_other(kcv.style.neural_style, weights=None, iterations=2)
    monkeypatch.setattr(kcv.style, "neural_style", painting)
    # Keras warns about its own default for `shuffle` where it has a stream.
    short = {"steps_per_epoch": 1, "epochs": 1, "shuffle": False, "verbose": 0}
    fit = with_other(keras.Model.fit, **short)
    monkeypatch.setattr(keras.Model, "fit", fit)


@pytest.fixture
def server(monkeypatch):
    """A client that takes what the real one takes, and no server."""
    client = mock.create_autospec(kcv.serving.Client)
    monkeypatch.setattr(kcv.serving, "Client", client)
    return client.return_value.__enter__.return_value


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """The files that the snippets name, in the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    voc = tmp_path / "VOC2012"
    lists = voc / "ImageSets" / "Segmentation"
    for folder in ("JPEGImages", "SegmentationClass"):
        (voc / folder).mkdir(parents=True)
    (tmp_path / "images").mkdir()
    lists.mkdir(parents=True)
    images, objects = [], []
    for number in range(6):
        photo = Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8))
        photo.save(tmp_path / "images" / f"{number}.jpg")
        photo.save(voc / "JPEGImages" / f"{number}.jpg")
        labels = Image.fromarray(rng.integers(0, 21, (48, 64), np.uint8))
        labels.save(voc / "SegmentationClass" / f"{number}.png")
        shape = {"width": 64, "height": 48}
        images.append({"id": number, "file_name": f"{number}.jpg", **shape})
        box = {"bbox": [8, 8, 30, 20], "area": 600, "iscrowd": 0}
        ids = {"id": number + 1, "image_id": number, "category_id": 1}
        objects.append({**ids, **box})
    for name in ("photo.jpg", "painting.jpg"):
        photo.save(tmp_path / name)
    (lists / "train.txt").write_text("0\n1\n2\n3\n")
    (lists / "val.txt").write_text("4\n5\n")
    (tmp_path / "train.json").write_text(
        json.dumps(
            {
                "images": images,
                "annotations": objects,
                "categories": [{"id": 1, "name": "cat"}],
            }
        )
    )


def test_the_code_of_the_readme_runs(pictures, small_networks):
    names = run(README)
    assert names["painted"].shape == names["image"].shape == (48, 64, 3)
    assert names["boxes"].shape[1] == 4


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page, pictures, small_networks, server):
    run(page)


def test_links_of_pages_lead_to_what_exists():
    folders = ("benchmarks", "docs", "export", "kcv", "recipes", "tests")
    pages = [*ROOT.glob("*.md")]
    for folder in folders:
        pages += (ROOT / folder).rglob("*.md")
    dead = []
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            if re.match("[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            # The site makes its gallery of the programs in docs/gallery.
            path = re.sub(r"auto_gallery/(\w+)\.rst", r"gallery/\1.py", path)
            path = path.replace(
                "gallery/index.py", "gallery/GALLERY_HEADER.rst"
            )
            target = page.parent / path if path else page
            if not target.exists() or anchor and anchor not in anchors(target):
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert len(pages) > 20
    assert not dead
