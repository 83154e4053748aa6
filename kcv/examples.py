"""The label that is one in every set of masks."""

#: Of pixels that belong to no class and count nowhere, as in PASCAL VOC.
VOID = 255
