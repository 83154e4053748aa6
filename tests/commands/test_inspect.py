"""`python -m kcv inspect` finds all faults of a dataset at once."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from kcv.commands import inspect
from kcv.commands import main
from kcv.commands.progress import Progress
from kcv.data.streams.faults import gather_faults
from kcv.data.streams.faults import one_entry
from tests.commands.conftest import write_image


def picture(seed, size=(24, 32)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), "uint8")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A COCO file with faults, and a pattern of the message about each."""
    base = tmp_path_factory.mktemp("planted")
    folder = base / "images"
    for number in range(16):
        write_image(folder / f"{number}.png", picture(number))
    (folder / "2.png").write_bytes(b"no image")
    Image.fromarray(picture(40, (64, 64))).save(folder / "3.jpg")
    whole = (folder / "3.jpg").read_bytes()
    (folder / "3.jpg").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(picture(4)).save(folder / "4.png", "JPEG")
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(picture(5)).save(folder / "5.jpg", exif=exif)
    Image.fromarray(picture(6)).convert("CMYK").save(folder / "6.jpg")
    (folder / "8.png").write_bytes((folder / "7.png").read_bytes())
    Image.fromarray(picture(9)).convert("RGBA").save(folder / "9.png")
    names = [f"{k}.png" for k in range(16)]
    names[3], names[5], names[6] = "3.jpg", "5.jpg", "6.jpg"
    images = [
        {"id": k, "file_name": name, "height": 24, "width": 32}
        for k, name in enumerate(names)
    ]
    images[3].update(height=64, width=64)
    images[10].update(height=32, width=24)
    images += [
        {"id": 1, "file_name": "1.png"},  # id of another one
        {"id": 16, "file_name": "absent.png"},
        {"id": 17, "file_name": "11.png"},
        {"id": 18, "file_name": "../outside.png"},
    ]
    box = [2, 3, 10, 8]
    boxes = [(k, box, 1) for k in range(18) if k != 12]
    boxes += [
        (0, [4, 4, 0, 5], 1),
        (0, [9, 9, -4, 5], 1),
        (0, [20, 9, 40, 5], 1),
        (0, [float("nan"), 9, 4, 5], 1),
        (0, box, 7),
        (99, box, 1),
        (0, [1, 2, 3], 1),
    ]
    annotations = [
        {"id": k, "image_id": image, "bbox": own, "category_id": category}
        for k, (image, own, category) in enumerate(boxes)
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    categories.append({"id": 2, "name": "cow"})
    content = {
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    (base / "all.json").write_text(json.dumps(content))
    return base, {
        "unreadable image": r"error: .*images/2\.png",
        "truncated JPEG": r"error: .*images/3\.jpg",
        "other format": r"warning: .*4\.png is a JPEG file",
        "EXIF": r"warning: .*5\.jpg is turned by its EXIF tag \(6\)",
        "CMYK": r"warning: .*6\.jpg has CMYK",
        "same pixels": r"8\.png.*7\.png.*same pixels|7\.png.*8\.png.*same pix",
        "alpha": r"warning: .*9\.png has an alpha",
        "wrong size": r"error: .*10\.png.*annotation says",
        "one file twice": r"11\.png.*11\.png.* one file",
        "no object": r"warning: .*12\.png has no valid object",
        "id twice": r"error: .*images\[16\]: two images have the same id 1",
        "absent file": r"error: .*absent\.png",
        "outside of folder": r"error: .*images\[19\]: file_name must be inside",
        "empty box": r"warning: .*0\.png: box 1 .*left out",
        "inverted box": r"error: .*0\.png.*: box 2 .*inverted",
        "box outside": r"error: .*0\.png.*: box 3 .*outside",
        "NaN": r"error: .*0\.png.*: box 4 .*not finite",
        "unknown category": r"error: .*annotations\[21\].*category_id 7",
        "unknown image": r"error: .*annotations\[22\].*image_id 99",
        "three numbers": r"error: .*annotations\[23\].*needs a bbox",
        "category twice": r"error: .*categories\[2\].*same id 2",
        "class without objects": r"warning: .*class 'dog' never occurs",
    }


def test_all_planted_faults_are_named(planted, capsys, tmp_path):
    base, patterns = planted
    source = f"coco:{base / 'all.json'}:{base / 'images'}"
    arguments = ["--data", source, "--out", str(tmp_path), "--show", "99"]
    assert main(["inspect", *arguments]) == 1
    lines = capsys.readouterr().out.splitlines()
    unnamed = {
        name: pattern
        for name, pattern in patterns.items()
        if not any(re.search(pattern, line) for line in lines)
    }
    assert not unnamed, "\n".join(lines)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "http" not in page
    assert "Samples of train" in page
    for text in ("absent.png", "EXIF tag", "needs a bbox"):
        assert text in page


def test_screen_is_limited_and_counts_the_rest(planted, capsys):
    base, _ = planted
    source = f"coco:{base / 'all.json'}:{base / 'images'}"
    assert main(["inspect", "--data", source, "--show", "2"]) == 1
    out = capsys.readouterr().out
    assert len(re.findall("^(?:error|warning): ", out, re.M)) == 2
    assert re.search(r"^and \d+ more", out, re.M)


def test_class_folders(tmp_path, capsys):
    for part, first in (("train", 0), ("test", 10)):
        for label, name in enumerate(("cat", "dog")):
            for k in range(2):
                number = first + 4 * label + k
                path = tmp_path / part / name / f"{number}.png"
                write_image(path, picture(number))
    source = f"folder:{tmp_path}"
    assert main(["inspect", "--data", source]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out
    write_image(tmp_path / "test" / "cat" / "x.png", picture(0))
    (tmp_path / "train" / "dog" / "y.png").write_bytes(b"no image")
    (tmp_path / "train" / "owl").mkdir()
    assert main(["inspect", "--data", source]) == 1
    out = capsys.readouterr().out
    assert re.search(r"error: .*x\.png of test and .*0\.png of train", out)
    assert re.search(r"error: .*y\.png", out)
    assert re.search(r"error: .*train/owl has no images", out)


def test_voc_tree(tmp_path, capsys):
    annotation = (
        "<annotation><object><name>cat</name><bndbox><xmin>{}</xmin><ymin>2"
        "</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>"
    )
    (tmp_path / "Annotations").mkdir()
    for k in range(6):
        write_image(tmp_path / "JPEGImages" / f"{k}.png", picture(k))
        file = tmp_path / "Annotations" / f"{k}.xml"
        file.write_text(annotation.format("20" if k == 1 else "2"))
    (tmp_path / "Annotations" / "2.xml").write_text("<annotation>")
    (tmp_path / "JPEGImages" / "3.png").unlink()
    assert main(["inspect", "--data", f"voc:{tmp_path}"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"error: .*1\.xml: box 0 .*inverted", out)
    assert re.search(r"error: .*2\.xml is not well-formed", out)
    assert re.search(r"error: .*JPEGImages/3\.", out)


def test_masks(tmp_path, capsys):
    for k in range(6):
        write_image(tmp_path / "images" / f"{k}.png", picture(k))
        labels = np.zeros((24, 32, 1), "uint8")
        labels[:9] = 7 if k == 1 else 1
        size = 12 if k == 2 else 24
        write_image(tmp_path / "masks" / f"{k}.png", labels[:size])
    (tmp_path / "masks" / "class_names.txt").write_text("ground\ncat\n")
    (tmp_path / "masks" / "5.png").unlink()
    source = f"folder:{tmp_path / 'images'}:{tmp_path / 'masks'}"
    task = ["--task", "segmentation"]
    assert main(["inspect", "--data", source, *task]) == 1
    out = capsys.readouterr().out
    assert re.search(r"error: .*masks/1\.png has label 7", out)
    assert re.search(r"error: .*masks/2\.png has 32 x 12 pixels", out)
    assert re.search(r"error: .*the image .*images/5\.png", out)
    (tmp_path / "masks" / "class_names.txt").write_bytes(b"gr\xfcn\ncat\n")
    assert main(["inspect", "--data", source, *task]) == 1
    assert re.search(r"error: .*class_names\.txt", capsys.readouterr().out)


def test_masks_of_objects(tmp_path, capsys):
    pytest.importorskip("pycocotools")
    images, objects = [], []
    polygon = [[2, 3, 12, 3, 12, 11, 2, 11]]
    masks = [polygon] * 10
    masks[1] = [[20, 3, 30, 3, 30, 11, 20, 11]]  # of another object
    masks[2] = [[2, 3, 12, 3]]
    masks[3] = None
    masks[4] = {"size": [24, 32], "counts": [24 * 32]}
    masks[5] = {"size": [24, 32], "counts": [7]}
    masks[6] = [[2, 3, 99, 3, 12, 11]]
    for k, mask in enumerate(masks):
        write_image(tmp_path / f"{k}.png", picture(k))
        size = {} if k == 7 else {"height": 24, "width": 32}
        images.append({"id": k, "file_name": f"{k}.png", **size})
        one = {"id": k, "image_id": k, "bbox": [2, 3, 10, 8], "category_id": 1}
        objects.append({**one, "iscrowd": 0, "segmentation": mask})
    content = {"images": images, "annotations": objects}
    content["categories"] = [{"id": 1, "name": "cat"}]
    file, out = tmp_path / "all.json", tmp_path / "out"
    file.write_text(json.dumps(content))
    source = ["--data", f"coco:{file}:{tmp_path}", "--out", str(out)]
    assert main(["inspect", *source, "--task", "masks"]) == 1
    told = capsys.readouterr().out
    for pattern in (
        r"warning: .*1\.png: box 0 \[2, 3, 12, 11\] is not that of its mask, "
        r"which fills \[20, 3, 30, 11\] \(IoU 0\.00\)",
        r"error: .*annotations\[2\].* at least three points",
        r"error: .*annotations\[3\].* needs a segmentation",
        r"warning: .*4\.png: mask 0 has no pixels",
        r"error: .*annotations\[5\].* run lengths that add up to the 768",
        r"error: .*annotations\[6\].* outside of its image",
        r"error: .*image 7 needs height and width",
        r"5 errors, 7 warnings",
    ):
        assert re.search(pattern, told), told
    assert "Objects per class" in (out / "report.html").read_text("utf-8")


def test_maps_of_objects(tmp_path, capsys):
    names = ["JPEGImages", "SegmentationClass", "SegmentationObject"]
    for k in range(5):
        write_image(tmp_path / names[0] / f"{k}.png", picture(k))
        labels = np.zeros((24, 32, 1), "uint8")
        labels[:9] = 15
        write_image(tmp_path / names[1] / f"{k}.png", labels)
        numbers = np.zeros((24, 32, 1), "uint8")
        numbers[:5] = 1
        numbers[20:] = 2 if k == 1 else 0
        write_image(tmp_path / names[2] / f"{k}.png", numbers)
    source = ["--data", f"voc:{tmp_path}", "--task", "masks"]
    assert main(["inspect", *source]) == 1
    told = capsys.readouterr().out
    assert re.search(r"error: .*Object/1\.png: object 2 has no class", told)
    assert re.search(r"^person +[34] +[01]$", told, re.M)
    assert not re.search("^background", told, re.M)


def test_ctrl_c_keeps_what_is_found(planted, tmp_path, capsys, monkeypatch):
    base, _ = planted
    advance, counts = Progress.advance, []

    def stop_at_third(self, count):
        counts.append(count)
        if len(counts) == 3:
            raise KeyboardInterrupt
        advance(self, count)

    monkeypatch.setattr(Progress, "advance", stop_at_third)
    source = f"coco:{base / 'all.json'}:{base / 'images'}"
    options = ["--data", source, "--out", str(tmp_path), "--show", "99"]
    assert main(["inspect", *options]) == 130
    told = capsys.readouterr().out
    assert "error: " in told
    assert "never occurs" not in told  # Nobody knows yet.
    assert told.splitlines()[-1].startswith("Stopped by the user.")
    assert "The user stopped" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["coco:{tmp}/none.json:{tmp}"], "none.json"),
        (["coco:{tmp}/text.json:{tmp}"], "text.json"),
        (["voc:{tmp}/empty"], "empty"),
        (["folder:{tmp}/empty"], "no class folders"),
        (["folder:{tmp}/none:{tmp}/none", "--task", "segmentation"], "none"),
        (["digits", "--limit", "0"], "`limit` must be"),
        (["digits", "--out", "{tmp}"], "--overwrite"),
        (["digits", "--out", "{tmp}/text.json"], "is a file"),
        (["digits", "--task", "cooking"], "--task"),
        (["digits", "--colour"], "--colour"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, capsys, words, message):
    (tmp_path / "text.json").write_text("text")
    (tmp_path / "empty").mkdir()
    words = [word.format(tmp=tmp_path) for word in words]
    assert main(["inspect", "--data", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m kcv inspect: error: ")
    assert message in line


def test_an_embedded_set_has_no_faults(capsys):
    assert main(["inspect", "--data", "digits", "--limit", "5"]) == 0
    assert "0 errors" in capsys.readouterr().out


def test_an_unknown_dataset_is_one_line(capsys):
    assert main(["inspect", "--data", "zebra"]) == 2
    assert "`source` must be one of" in capsys.readouterr().err


def test_help_fits_a_screen(capsys):
    assert main(["inspect", "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 28
    assert max(map(len, lines)) <= 80
    assert lines == inspect.HELP.splitlines()


def test_an_entry_raises_unless_faults_are_gathered():
    with pytest.raises(ValueError, match="wrong"), one_entry():
        raise ValueError("wrong")
    with gather_faults() as faults:
        for _ in range(2):
            with one_entry():
                raise ValueError("wrong")
    assert [fault.text for fault in faults] == ["wrong"]
