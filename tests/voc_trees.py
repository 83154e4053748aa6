"""Small folders of images and boxes in the form of Pascal VOC."""

import numpy as np
from PIL import Image


def pixels(height, width, seed=0):
    """A picture without two equal columns, so that no flip goes unseen."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return values.astype(np.uint8)


def write_tree(folder, images, lists=None):
    """Write a VOC tree: {id: (size, [(class, 1-based box, difficult)])}."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for seed, (name, ((height, width), objects)) in enumerate(images.items()):
        Image.fromarray(pixels(height, width, seed)).save(
            folder / "JPEGImages" / f"{name}.png"
        )
        text = "".join(
            f"<object><name>{label}</name>"
            f"<difficult>{difficult:d}</difficult>"
            "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
            "<bndbox>"
            + "".join(
                f"<{side}>{value}</{side}>"
                for side, value in zip(
                    ("xmin", "ymin", "xmax", "ymax"), box, strict=True
                )
            )
            + "</bndbox></object>"
            for label, box, difficult in objects
        )
        (folder / "Annotations" / f"{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename><size>"
            f"<width>{width}</width><height>{height}</height>"
            f"<depth>3</depth></size>{text}</annotation>"
        )
    for split, names in (lists or {}).items():
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(
            "\n".join(names) + "\n"
        )
    return folder
