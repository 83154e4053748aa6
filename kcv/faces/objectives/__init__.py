"""What a face embedder learns from: people, pairs or triplets.

An objective is a layer, since the softmax over the people of the training set
belongs to it. It is saved with the model and plays no part when the model
answers.
"""

from kcv.faces.objectives.identification import Identification
from kcv.faces.objectives.identification_verification import (
    IdentificationVerification,
)
from kcv.faces.objectives.objective import Objective
from kcv.faces.objectives.triplets import Triplets

__all__ = [
    "Identification",
    "IdentificationVerification",
    "Objective",
    "Triplets",
]
