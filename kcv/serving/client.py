"""Ask a model server for predictions over gRPC, without TensorFlow."""

import numpy as np

from kcv.extras import describe_installation
from kcv.serving import errors

try:
    import grpc

    from kcv.serving import messages
    from kcv.serving.inputs import read_batch
    from kcv.serving.tensors import to_array
    from kcv.serving.tensors import to_tensor_proto
except ImportError as error:
    raise ImportError(
        "kcv.serving.Client needs grpcio and protobuf. "
        + describe_installation("serving")
    ) from error

# tensorflow_serving/apis/get_model_status.proto, ModelVersionStatus.State
_STATES = {
    0: "UNKNOWN",
    10: "START",
    20: "LOADING",
    30: "AVAILABLE",
    40: "UNLOADING",
    50: "END",
}


class Client:
    """Talk to one model of a TensorFlow Serving server over gRPC.

    The connection is made at the first call, kept, and may be used from
    several threads.

    Args:
        address: "host:port" of the server's gRPC port. Defaults to
            "localhost:8500".
        model: Name under which the server serves the model.
        signature: Signature to call, "serving_bytes" for encoded images or
            "serving_default" for float images. Defaults to "serving_bytes".
        version: Version to call: a positive integer, or a version label
            (string). If None, the server chooses, which is the newest version.
            Defaults to None.
        timeout: Time from the beginning of a call until it is given up, in
            seconds. Defaults to 30.0.
        max_message_bytes: Size in bytes of the largest answer that is accepted,
            as a message and as an array. gRPC's own limit of 4 MB is less than
            one float image of 600 x 800 pixels. Defaults to 2**31 - 1.
        credentials: `grpc.ChannelCredentials` for a server with TLS. If None,
            the connection is not encrypted. Defaults to None.

    Raises:
        ValueError: If the version is neither a positive int nor a label, an
            empty name, or a timeout that is not a number.

    Example:

    ```python
    from pathlib import Path

    client = Client("localhost:8500", model="faster_rcnn")
    answer = client.predict(image_bytes=[Path("a.jpg").read_bytes()])
    boxes = answer["detection_boxes"]  # (1, 100, 4)
    ```
    """

    def __init__(
        self,
        address: str = "localhost:8500",
        *,
        model: str,
        signature: str = "serving_bytes",
        version: int | str | None = None,
        timeout: float = 30.0,
        max_message_bytes: int = 2**31 - 1,
        credentials: "grpc.ChannelCredentials | None" = None,
    ):
        errors.check_name("model", model)
        errors.check_name("signature", signature)
        errors.check_version(version)
        errors.check_timeout(timeout)
        self.address = address
        self.model = model
        self.signature = signature
        self.version = version
        self.timeout = timeout
        self.max_message_bytes = max_message_bytes
        options = [
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
        ]
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options)
        else:
            self._channel = grpc.secure_channel(address, credentials, options)
        self._predict = self._method(
            "PredictionService/Predict",
            messages.PredictRequest,
            messages.PredictResponse,
        )
        self._status = self._method(
            "ModelService/GetModelStatus",
            messages.GetModelStatusRequest,
            messages.GetModelStatusResponse,
        )

    def _method(self, name, request, response):
        return self._channel.unary_unary(
            f"/tensorflow.serving.{name}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

    def predict(self, **inputs) -> dict[str, np.ndarray]:
        """Run the signature on one batch.

        Args:
            **inputs: One argument per input of the signature:
                `image_bytes=[...]`, a list of JPEG or PNG files as bytes, for
                "serving_bytes"; `images=`, (B, H, W, 3) float32 in 0..255
                RGB, for "serving_default". A detector that is given its
                regions also takes `proposals=`, (B, P, 4) float32 xyxy in
                pixels of the images as sent, zero rows for padding. A model
                that aligns faces also takes `landmarks=`, (B, 5, 2) float32
                xy in the same pixels.

        Returns:
            Output name to array, the batch first.

        Raises:
            ServingError: If the server refused the request: unknown model,
                version, signature or input, a wrong shape or dtype, a broken
                image. Or its answer holds something else than tensors.
            ConnectionError: If there is no server at the address.
            TimeoutError: If there is no answer within `timeout` seconds.
            TypeError: If an input is not a tensor.
        """
        request = messages.PredictRequest()
        self._fill_spec(request.model_spec)
        request.model_spec.signature_name = self.signature
        for name, value in inputs.items():
            batch = read_batch(name, value)
            request.inputs[name].CopyFrom(to_tensor_proto(batch))
        response = self._call(self._predict, request)
        try:
            return {
                name: to_array(tensor, self.max_message_bytes)
                for name, tensor in response.outputs.items()
            }
        except (OverflowError, ValueError) as error:
            raise errors.ServingError(
                "OK", f"no answer: {error}", self.model, self.signature
            ) from error

    def status(self) -> dict[int, str]:
        """Ask which versions of the model there are, and their state.

        Returns:
            Version to state, "AVAILABLE" where it answers.

        Raises:
            ServingError: If the server does not have the model or version.
            ConnectionError: If there is no server at the address.
            TimeoutError: If there is no answer within `timeout` seconds.
        """
        request = messages.GetModelStatusRequest()
        self._fill_spec(request.model_spec)
        response = self._call(self._status, request)
        return {
            v.version: _STATES.get(v.state, str(v.state))
            for v in response.model_version_status
        }

    def _fill_spec(self, spec):
        spec.name = self.model
        if isinstance(self.version, str):
            spec.version_label = self.version
        elif self.version is not None:
            spec.version.value = self.version

    def _call(self, method, request):
        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
        if code == grpc.StatusCode.UNAVAILABLE:
            raise ConnectionError(
                f"No model server answers at {self.address}: "
                f"{errors.shorten(details or '')}"
            )
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            raise TimeoutError(
                f"{self.address} gave no answer within timeout="
                f"{self.timeout} seconds"
            )
        raise errors.ServingError(
            code.name, details, self.model, self.signature
        )

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
