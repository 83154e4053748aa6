"""kcv's own message declarations against the official ones."""

import pytest
from google.protobuf import descriptor

from kcv.serving import messages

_ENUM_OR_INT = {
    descriptor.FieldDescriptor.TYPE_ENUM: descriptor.FieldDescriptor.TYPE_INT32
}


@pytest.fixture(scope="module")
def official():
    reason = "the official stubs (tensorflow-serving-api) are absent"
    model_status = pytest.importorskip(
        "tensorflow_serving.apis.get_model_status_pb2", reason=reason
    )
    predict = pytest.importorskip(
        "tensorflow_serving.apis.predict_pb2", reason=reason
    )
    log = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2", reason=reason
    )
    return {
        "PredictRequest": predict.PredictRequest,
        "PredictResponse": predict.PredictResponse,
        "PredictionLog": log.PredictionLog,
        "GetModelStatusRequest": model_status.GetModelStatusRequest,
        "GetModelStatusResponse": model_status.GetModelStatusResponse,
    }


def _assert_part_of(ours, theirs, seen):
    assert ours.full_name == theirs.full_name
    if ours.full_name in seen:
        return
    seen.add(ours.full_name)
    for field in ours.fields:
        other = theirs.fields_by_name[field.name]
        where = f"{ours.full_name}.{field.name}"
        assert field.number == other.number, where
        assert field.is_repeated == other.is_repeated, where
        assert field.type == _ENUM_OR_INT.get(other.type, other.type), where
        assert field.is_packed == other.is_packed, where
        if field.message_type is not None:
            _assert_part_of(field.message_type, other.message_type, seen)


@pytest.mark.parametrize(
    "name",
    [
        "PredictRequest",
        "PredictResponse",
        "PredictionLog",
        "GetModelStatusRequest",
        "GetModelStatusResponse",
    ],
)
def test_fields_are_the_official_ones(official, name):
    seen = set()
    _assert_part_of(
        getattr(messages, name).DESCRIPTOR, official[name].DESCRIPTOR, seen
    )
    assert len(seen) > 2


def test_the_wire_is_the_same(official):
    request = messages.PredictRequest()
    request.model_spec.name = "name"
    request.model_spec.version.value = 7
    request.inputs["a"].int_val.extend([1, -2, 3])
    other = official["PredictRequest"].FromString(request.SerializeToString())
    assert other.model_spec.version.value == 7
    assert list(other.inputs["a"].int_val) == [1, -2, 3]
    back = messages.PredictRequest.FromString(other.SerializeToString())
    assert back == request
