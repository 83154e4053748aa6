"""What the papers report of the six face recognition systems."""

from typing import NamedTuple

from kcv.visualize.report import Published

DEEPFACE = "DeepFace"
DEEPID = "DeepID"
DEEPID2 = "DeepID2"
DEEPID2_PLUS = "DeepID2+"
DEEPID3 = "DeepID3"
FACENET = "FaceNet"


class Paper(NamedTuple):
    """What a paper reports of a system.

    Attributes:
        year: Year of publication.
        accuracy: Accuracy on the 6,000 pairs of LFW, in [0, 1]. Outside data
            were allowed.
        standard_error: Standard error of the accuracy over the ten folds.
        youtube: Accuracy on YouTube Faces, None if it is not reported.
        trained_on: Photos and people that the networks were trained on.
        combined: Systems that the accuracy belongs to: networks and verifier.
        source: Paper.
    """

    year: int
    accuracy: float
    standard_error: float
    youtube: float | None
    trained_on: str
    combined: str
    source: str

    def figures(self) -> list[Published]:
        """List what the report of a run prints beside its own figures."""
        data = (
            f"LFW, 6,000 pairs; trained on {self.trained_on}; {self.combined}"
        )
        return [
            Published("accuracy", self.accuracy, data, self.source),
            Published("standard_error", self.standard_error, data, self.source),
        ]


PAPERS = {
    DEEPFACE: Paper(
        2014,
        0.9735,
        0.0025,
        0.914,
        "4.4 million photos of 4,030 people",
        "several networks, weighted chi-squared and Siamese distances",
        "Taigman et al. 2014",
    ),
    DEEPID: Paper(
        2014,
        0.9745,
        0.0026,
        None,
        "202,599 photos of 10,177 people",
        "60 networks, Joint Bayesian with transfer learning",
        "Sun, Wang and Tang 2014",
    ),
    DEEPID2: Paper(
        2014,
        0.9915,
        0.0013,
        None,
        "202,599 photos of 10,177 people",
        "seven selections of 25 networks, Joint Bayesian, an SVM",
        "Sun, Chen, Wang and Tang 2014",
    ),
    DEEPID2_PLUS: Paper(
        2015,
        0.9947,
        0.0012,
        0.932,
        "290,000 photos of 12,000 people",
        "25 networks, Joint Bayesian",
        "Sun, Wang and Tang 2015",
    ),
    DEEPID3: Paper(
        2015,
        0.9953,
        0.0010,
        None,
        "290,000 photos of 12,000 people",
        "two networks on each of 25 patches, Joint Bayesian",
        "Sun, Liang, Wang and Tang 2015",
    ),
    FACENET: Paper(
        2015,
        0.9963,
        0.0009,
        0.9512,
        "100 to 200 million photos of 8 million people",
        "one network, squared distance",
        "Schroff, Kalenichenko and Philbin 2015",
    ),
}
