"""The messages of TensorFlow Serving, without TensorFlow.

The official stubs (tensorflow-serving-api) import all of TensorFlow: three
seconds and 600 MB that a client has no use for. What predicting takes is a
dozen messages, declared here by name and number as in tensorflow/serving
(apis/*.proto) and tensorflow (core/framework/tensor*.proto), in a descriptor
pool of their own, so that they live beside the official ones in one process.
Unknown fields are kept by protobuf, so a part of a message is enough. The
client speaks with them, and `publish` writes its warm-up records with them.
"""

from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import wrappers_pb2

from kcv.protobuf import declare

# The forms of the entries are those of `declare`.
_TENSORFLOW = {
    "TensorShapeProto.Dim": {"size": (1, "int64"), "name": (2, "string")},
    "TensorShapeProto": {
        "dim": (2, "*tensorflow.TensorShapeProto.Dim"),
        "unknown_rank": (3, "bool"),
    },
    "TensorProto": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "tensorflow.TensorShapeProto"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "*float"),
        "double_val": (6, "*double"),
        "int_val": (7, "*int32"),
        "string_val": (8, "*bytes"),
        "int64_val": (10, "*int64"),
        "bool_val": (11, "*bool"),
        "half_val": (13, "*int32"),
        "uint32_val": (16, "*uint32"),
        "uint64_val": (17, "*uint64"),
    },
}
_SERVING = {
    # `version` and `version_label` are one oneof: set at most one of them.
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "google.protobuf.Int64Value"),
        "signature_name": (3, "string"),
        "version_label": (4, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "tensorflow.serving.ModelSpec"),
        "inputs": (2, "map tensorflow.TensorProto"),
        "output_filter": (3, "*string"),
    },
    "PredictResponse": {
        "outputs": (1, "map tensorflow.TensorProto"),
        "model_spec": (2, "tensorflow.serving.ModelSpec"),
    },
    "PredictLog": {
        "request": (1, "tensorflow.serving.PredictRequest"),
        "response": (2, "tensorflow.serving.PredictResponse"),
    },
    "PredictionLog": {"predict_log": (6, "tensorflow.serving.PredictLog")},
    "GetModelStatusRequest": {
        "model_spec": (1, "tensorflow.serving.ModelSpec")
    },
    "StatusProto": {
        "error_code": (1, "int32"),
        "error_message": (2, "string"),
    },
    "ModelVersionStatus": {
        "version": (1, "int64"),
        "state": (2, "int32"),
        "status": (3, "tensorflow.serving.StatusProto"),
    },
    "GetModelStatusResponse": {
        "model_version_status": (1, "*tensorflow.serving.ModelVersionStatus"),
    },
}


_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
_pool.AddSerializedFile(declare("tensorflow", _TENSORFLOW))
_pool.AddSerializedFile(
    declare(
        "tensorflow.serving",
        _SERVING,
        ["kcv/tensorflow.proto", wrappers_pb2.DESCRIPTOR.name],
    )
)


def _message(name):
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(name))


TensorProto = _message("tensorflow.TensorProto")
PredictRequest = _message("tensorflow.serving.PredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
PredictionLog = _message("tensorflow.serving.PredictionLog")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")
