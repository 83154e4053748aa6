"""The page of a run, read as a browser does."""

import base64
import io
import platform
from html.parser import HTMLParser

import numpy as np
import pytest

import kcv
from kcv.environment import describe_machine
from kcv.environment import package_versions
from kcv.visualize import new_figure
from kcv.visualize.report import Published
from kcv.visualize.report import write_report

METRICS = {
    "voc07_map": 0.80434,
    "seconds": 754.25,
    "epochs": 14,
    "coco_ap": float("nan"),
    "split": "digit_scenes <test>",
    "average_precision": {"cat & dog": np.float64(0.5), "cow": float("nan")},
}
PAPER = [
    Published("voc07_map", 0.699, "VOC 2007 test, VGG-16", "Table 3"),
    Published("voc07_map", 0.732, "VOC 2007 test, 07+12", "Table 3"),
]


class Page(HTMLParser):
    """Rows of cells, texts of headings, tags and addresses of a page."""

    VOID = {"meta", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.rows, self.headings, self.tags, self.addresses = [], [], [], []
        self.open = []
        self.feed(text)
        self.close()
        assert not self.open, f"unclosed {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag in ("h1", "h2"):
            self.headings.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        elif {"h1", "h2"} & set(self.open):
            self.headings[-1] += data


def figure():
    drawn = new_figure(2, 1)
    drawn.add_subplot().plot([0, 1])
    return drawn


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = write_report(
        tmp_path_factory.mktemp("run"),
        "Scenes <script>alert(1)</script>",
        METRICS,
        paper=PAPER,
        history={"loss": [2.0, 1.0], "val_voc07_map": [0.1, 0.8]},
        figures={'Found "beside" <truth>': figure()},
        configuration={"data": "<b>", "weights": None, "resume": True},
        command="python -m recipes.x --data 'a & b' --price $5",
        summary="A & B, $title",
    )
    assert path.name == "report.html"
    return path.read_text(encoding="utf-8")


def test_metrics_stand_beside_the_papers_with_their_data(page):
    rows = Page(page).rows
    assert rows[0] == ["metric", "this run", "publishedon its own data"]
    assert "Measured on digit_scenes &lt;test&gt;." in page
    assert rows[1] == [
        "voc07_map",
        "0.8043",
        "0.699 on VOC 2007 test, VGG-16Table 3"
        "0.732 on VOC 2007 test, 07+12Table 3",
    ]
    assert rows[2:5] == [
        ["seconds", "754.2", ""],
        ["epochs", "14", ""],
        ["coco_ap", "–", ""],
    ]
    assert "comparable with this run's only" in page


def test_nested_metrics_and_configuration_are_tables(page):
    rows = Page(page).rows[5:]
    assert rows == [
        ["cat & dog", "0.5"],
        ["cow", "–"],
        ["data", "<b>"],
        ["weights", "–"],
        ["resume", "True"],
    ]


def test_everything_is_escaped(page):
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert "b" in parsed.tags  # the paper's figures, not the option
    assert "&lt;b&gt;" in page
    assert "--data &#x27;a &amp; b&#x27; --price $5" in page
    assert "A &amp; B, $title" in page
    assert parsed.headings == [
        "Scenes <script>alert(1)</script>",
        "Metrics",
        'Found "beside" <truth>',
        "Average precision",
        "Training",
        "Command",
        "Configuration",
    ]


def test_nothing_is_fetched_and_the_pictures_are_whole(page):
    image = pytest.importorskip("PIL.Image")
    addresses = Page(page).addresses
    assert len(addresses) == 2
    prefix = "data:image/webp;base64,"
    for address in addresses:
        assert address.startswith(prefix)
        data = base64.b64decode(address.removeprefix(prefix), validate=True)
        with image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert picture.width > picture.height > 100
    assert "url(" not in page
    assert "@import" not in page


def test_numbers_stand_at_the_right_and_texts_at_the_left(tmp_path):
    rows = [
        {"class": "cat", "objects": 5, "taken for": "dog", "paper: ap": 0.5},
        {"class": "dog", "objects": None, "taken for": "cat"},
    ]
    tables = {"Classes": rows, "Nothing": []}
    page = write_report(tmp_path, "x", tables=tables).read_text("utf-8")
    parsed = Page(page)
    assert parsed.headings == ["x", "Classes"]
    assert parsed.rows[1:] == [
        ["cat", "5", "dog", "0.5"],
        ["dog", "–", "cat", "–"],
    ]
    for head in (
        '<th class="number">objects',
        "<th>taken for",
        '<th class="number paper">paper: ap',
    ):
        assert head in page


def test_versions_and_machine_are_a_table(tmp_path):
    told = {**package_versions(), "machine": describe_machine()}
    page = write_report(tmp_path, "x", environment=told).read_text("utf-8")
    assert Page(page).headings == ["x", "Versions and machine"]
    for text in (kcv.__version__, platform.python_version(), " x "):
        assert text in page


def test_a_bare_run_has_a_short_page(tmp_path):
    write_report(tmp_path, "Bare", {"top1": 0.5, "split": "test"})
    parsed = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert parsed.headings == ["Bare", "Metrics"]
    assert parsed.rows == [["metric", "this run"], ["top1", "0.5"]]
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_published_figure_without_our_own_is_shown_as_open(tmp_path):
    write_report(tmp_path, "Open", {"split": "test"}, paper=PAPER[:1])
    parsed = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert parsed.rows[1][:2] == ["voc07_map", "–"]
