"""The part of Caffe's messages that weights stand in.

Declared by name and number as in BVLC's src/caffe/proto/caffe.proto. All else
in a file, unknown here, is passed over.
"""

from google.protobuf import descriptor_pool
from google.protobuf import message_factory

from kcv.protobuf import declare

_CAFFE = {
    "BlobShape": {"dim": (1, "*int64")},
    "BlobProto": {
        # Before `shape`, every blob had these four.
        "num": (1, "int32"),
        "channels": (2, "int32"),
        "height": (3, "int32"),
        "width": (4, "int32"),
        "data": (5, "*float"),
        "shape": (7, "caffe.BlobShape"),
        "double_data": (8, "*double"),
    },
    "BatchNormParameter": {"eps": (3, "float")},
    "InnerProductParameter": {"transpose": (6, "bool")},
    "LayerParameter": {
        "name": (1, "string"),
        "type": (2, "string"),
        "bottom": (3, "*string"),
        "top": (4, "*string"),
        "blobs": (7, "*caffe.BlobProto"),
        "inner_product_param": (117, "caffe.InnerProductParameter"),
        "batch_norm_param": (139, "caffe.BatchNormParameter"),
    },
    "V1LayerParameter": {
        "bottom": (2, "*string"),
        "top": (3, "*string"),
        "name": (4, "string"),
        "type": (5, "int32"),
        "blobs": (6, "*caffe.BlobProto"),
    },
    "NetParameter": {
        "name": (1, "string"),
        "layers": (2, "*caffe.V1LayerParameter"),
        "layer": (100, "*caffe.LayerParameter"),
    },
}

_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(declare("caffe", _CAFFE))

NetParameter = message_factory.GetMessageClass(
    _pool.FindMessageTypeByName("caffe.NetParameter")
)
