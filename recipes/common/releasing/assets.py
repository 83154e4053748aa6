"""What is released: a recipe, what its model is, and how it is packed."""

from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import NamedTuple

from kcv.text_files import read_object
from recipes.common.results import Result

#: Function from a `.keras` file to its figures by name.
Measure = Callable[[Path], Mapping[str, Any]]


class Dataset(NamedTuple):
    """Data that a model was trained on.

    Attributes:
        about: Sentences that say what the images show.
        license: License of the data, and who is to be named.
    """

    about: str
    license: str


_DIGITS = (
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI "
    "1998, doi:10.24432/C50P49, CC BY 4.0"
)
_MATERIAL = (
    "photographs under CC0, CC BY 2.0 or in the public domain, which "
    "kcv/data/embedded/raw/PROVENANCE.md lists"
)
DATASETS = {
    "digit_scenes": Dataset(
        "Digit scenes of kcv: photographs with 0 to 6 handwritten digits on "
        "them, 192 x 256 pixels. Digits and photographs of the training scenes "
        "are in no held-out scene.",
        f"Digits: {_DIGITS}. Backgrounds: {_MATERIAL}.",
    ),
    "digits": Dataset(
        "1,433 handwritten digits of 8 x 8 pixels, enlarged to 28 x 28. 364 "
        "others are held out.",
        f"{_DIGITS}.",
    ),
    "rendered_faces": Dataset(
        "Rendered faces of kcv: drawn heads of 400 invented people, 30 images "
        "of each, 64 x 64 pixels. They are drawings. No image shows a person.",
        f"The faces are kcv's own. Backgrounds: {_MATERIAL}.",
    ),
    "face_scenes": Dataset(
        "Face scenes of kcv: photographs with rendered faces on them, and with "
        "small real faces, which come with scikit-image.",
        "Real faces: LFW's, by way of scikit-image. The other faces are kcv's "
        f"own. Backgrounds: {_MATERIAL}.",
    ),
    "photographs": Dataset(
        "Nine photographs that come with kcv, cut into squares of 128 pixels. "
        "The losses are those of VGG-16 with the weights of ImageNet.",
        f"They are {_MATERIAL}.",
    ),
}


class Asset(NamedTuple):
    """A trained model to be released.

    Attributes:
        name: Name of the model, such as "faster_rcnn/digit_scenes".
        result: Recipe that trains the model, and its most telling figure.
        about: Sentence that says what the model is.
        data: Name of the training data in `DATASETS`.
        limits: Sentences that say what the model cannot do.
        digits: Binary digits to which its kernels are rounded. None keeps
            every value. Defaults to None.
        ships: Whether the file comes with kcv. Defaults to False.
        measure: Function that measures the packed file. None for a model whose
            values are kept, which has the figures of its run. Defaults to
            None.
        needs: Options of the recipe that name files of other runs, as paths
            below the folder of runs. Defaults to none.
    """

    name: str
    result: Result
    about: str
    data: str
    limits: str
    digits: int | None = None
    ships: bool = False
    measure: Measure | None = None
    needs: Mapping[str, str] = {}

    @property
    def file(self) -> str:
        """Name of the file among the files of a release."""
        return self.name.replace("/", "-") + ".keras"

    def command(self, runs: Path) -> list[str]:
        """Return the arguments of Python that train the model."""
        command = self.result.command(runs)
        for option, path in self.needs.items():
            command += [option, str(runs / path)]
        return command

    def check_run(self, runs: Path) -> Path:
        """Return the folder of the run, if it is the one that is asked for.

        Args:
            runs: Folder of all runs, with that of the finished run.

        Raises:
            ValueError: If the run had other options than the recipe of this
                model. The message names the folder.
        """
        folder = self.result.out(runs)
        options = read_object(folder / "config.json", "options")
        _, *words = self.result.recipe.split()
        for option, value in zip(words[::2], words[1::2], strict=True):
            key = option.removeprefix("--").replace("-", "_")
            if str(options.get(key)) != value:
                raise ValueError(
                    f"{folder} must be the run of `recipes."
                    f"{self.result.recipe}`. Received: {key}={options.get(key)}"
                )
        return folder
