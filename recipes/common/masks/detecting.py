"""A trained Fast R-CNN that is given the proposals of several systems."""

import hashlib
from pathlib import Path
from typing import Any
from typing import NamedTuple

import kcv
from kcv.masks import MaskProposals
from kcv.proposals import ProposalCache
from kcv.serving import ShortSide
from recipes.common.kept import keep_result
from recipes.common.masks.comparing import name_system
from recipes.common.training_images import make_batches


class DetectionTest(NamedTuple):
    """A detector, and the digit scenes on which it is measured.

    Attributes:
        out: Folder of the proposals and of the figures.
        detector: File of a Fast R-CNN, trained with proposals of any method.
        scaling: Sides of its images. None keeps their size.
        test_images: Number of held-out digit scenes.
        resume: Whether figures of an earlier run are used.
    """

    out: Path
    detector: Path
    scaling: ShortSide | None
    test_images: int
    resume: bool

    def row(
        self, system: str | MaskProposals, version: str, max_proposals: int
    ) -> dict[str, Any]:
        """Give the detector the proposals of a system, and make its row.

        Args:
            system: Name of a method of `kcv.proposals`, or a mask model as
                `MaskProposals`.
            version: Text that distinguishes a trained system from an earlier
                one.
            max_proposals: Number of proposals of an image.

        Returns:
            Dict from column to value.
        """
        name = f"{name_system(system)}-{max_proposals}"
        folder = self.out / "proposals" / f"{name}-{version[:8]}"
        mean_ap = keep_result(
            self.out / "measures" / f"detection-{name}.json",
            {
                "images": self.test_images,
                "version": version,
                "detector": hash_file(self.detector),
            },
            lambda: self._measure(ProposalCache(folder, system, max_proposals)),
            self.resume,
        )
        return {
            "proposals": name_system(system),
            "per image": max_proposals,
            "voc07_map": mean_ap,
        }

    def _measure(self, cache: ProposalCache) -> float:
        test = kcv.data.load_detection("digit_scenes", "test").dataset
        test = test.take(self.test_images)
        cache.compute(test)
        batches = make_batches(cache.attach(test), 4, self.scaling)
        model = kcv.load_model(self.detector, compile=False)
        found = kcv.metrics.collect_detections(model, batches)
        return kcv.metrics.voc_average_precision(*found)["voc07_map"]


def hash_file(file: Path) -> str:
    """Return the SHA-256 checksum of a file, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
