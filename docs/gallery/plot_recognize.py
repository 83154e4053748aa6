"""
Recognize: who is on this photograph?
=====================================

Recognition of faces has three steps: find the landmarks of a face, align it,
and compare it with faces that are known. This page aligns rendered faces, and
shows why systems learn their features: distances of pixels hardly distinguish
people. Those of a small FaceNet that comes with kcv do.
"""

import matplotlib.pyplot as plt
import numpy as np

import kcv

PEOPLE, PHOTOS = 12, 6
faces = kcv.data.rendered_faces(
    "test", people=PEOPLE, photos=PHOTOS, size=96, aligned=False
)
examples = [*faces.dataset.as_numpy_iterator()]
people = np.array([example["labels"] for example in examples])

# %%
# Each person is drawn by a program and is nobody. Photographs of one person
# differ in pose, light, expression, and things in front of the face.

figure, grid = plt.subplots(3, PHOTOS, figsize=(9, 4.8), layout="constrained")
for axes, example in zip(grid.flat, examples, strict=False):
    axes.imshow(example["images"])
    axes.plot(*example["landmarks"].T, ".", color="lime", markersize=3)
    axes.set_axis_off()

# %%
# Alignment
# ---------
#
# A similarity transform turns, scales and shifts an image, so that the five
# landmarks lie as close as possible to those of a template.

aligned = np.stack(
    [
        kcv.faces.alignment.align(example["images"], example["landmarks"])
        for example in examples
    ]
)
print(aligned.shape)
figure, grid = plt.subplots(3, PHOTOS, figsize=(9, 4.8), layout="constrained")
for axes, face in zip(grid.flat, aligned, strict=False):
    axes.imshow(face)
    axes.set_axis_off()

# %%
# Verification
# ------------
#
# The distance of two faces, for all pairs: as pixels, as principal components
# that were computed from other people, and as the embeddings of a network that
# learned from other people, too (Schroff et al. 2015).

others = kcv.data.rendered_faces("train", people=40, photos=6, size=64)
training = np.stack(
    [example["images"] for example in others.dataset.as_numpy_iterator()]
).astype("float32")
flat = aligned.reshape(len(aligned), -1).astype("float32")
components = kcv.faces.verification.PCA(40)
components.fit(training.reshape(len(training), -1))
embedder = kcv.load_model("facenet/rendered_faces")
embeddings = embedder.predict(aligned.astype("float32"), verbose=0)
print(f"{embeddings.shape[1]} numbers for each face")
features = {
    "pixels": flat,
    "40 components": components.transform(flat),
    "embeddings": embeddings,
}
first, second = np.triu_indices(len(people), 1)
same = people[first] == people[second]

figure, grid = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for axes, (name, vectors) in zip(grid, features.items(), strict=False):
    distance = np.linalg.norm(vectors[first] - vectors[second], axis=1)
    bins = np.linspace(distance.min(), distance.max(), 40)
    axes.hist(distance[~same], bins, density=True, alpha=0.6, label="different")
    axes.hist(distance[same], bins, density=True, alpha=0.6, label="same")
    axes.set(title=f"distance of {name}", yticks=[])
    axes.legend()
    limit = np.median(distance[same])
    share = np.mean(distance[~same] < limit)
    print(f"{name}: the limit that accepts half of the pairs of one person")
    print(f"also accepts {share:.0%} of the pairs of different people")

# %%
# The histograms of pixels and of components overlap, and those of embeddings
# hardly do. `python -m recipes.facenet` trained the network within minutes.
# `kcv.faces.Recognizer` enrolls people from a folder and names the faces of
# other photographs.
