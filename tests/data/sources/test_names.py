"""One grammar for the names of all data sets."""

import pytest

from kcv.data.sources.names import parse_name

FORMS = ("digits", "voc/2007", "voc:FOLDER", "coco:A:B", "coco:A:B:C")


@pytest.mark.parametrize(
    ("source", "kind", "paths"),
    [
        ("digits", "digits", ()),
        ("voc/2007", "voc/2007", ()),
        ("voc:voc/2007", "voc", ("voc/2007",)),
        ("voc:here:and there", "voc", ("here:and there",)),
        ("coco:a.json:images", "coco", ("a.json", "images")),
        ("coco:a:b:c", "coco", ("a", "b", "c")),
    ],
)
def test_kind_and_paths(source, kind, paths):
    assert parse_name(source, FORMS) == (kind, paths)


@pytest.mark.parametrize(
    "source",
    ["", ":", "mnist", "digits:", "voc", "voc:", "coco:a", "coco::b", "coco:a:"]
    + ["coco:a:b:c:d", "VOC:a"],
)
def test_other_names_are_told_the_forms(source):
    with pytest.raises(ValueError, match="one of digits, .*coco:A:B:C. Rec"):
        parse_name(source, FORMS)
