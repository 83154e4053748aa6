"""A small stand-in for a model server, made with the official stubs.

    python servicer.py BASE_PATH NAME

serves the newest version in BASE_PATH over gRPC and REST, prints the two
ports, and ends with its standard input. It is Python around
`tf.saved_model.load`, with Keras kept out; it is not TensorFlow Serving.
"""

import base64
import json
import sys
import threading
from concurrent import futures
from http import server as http
from pathlib import Path

sys.modules["keras"] = None  # an export must not need it

import grpc  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis import get_model_status_pb2  # noqa: E402
from tensorflow_serving.apis import model_service_pb2_grpc  # noqa: E402
from tensorflow_serving.apis import predict_pb2  # noqa: E402
from tensorflow_serving.apis import prediction_log_pb2  # noqa: E402
from tensorflow_serving.apis import prediction_service_pb2_grpc  # noqa: E402


class Refused(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, code, details):
        super().__init__(details)
        self.code = code


class Servable:
    """One loaded version, warmed up by its own records as a server does."""

    def __init__(self, base: Path, name: str):
        self.name = name
        self.version = max(int(p.name) for p in base.iterdir())
        folder = base / str(self.version)
        self.loaded = tf.saved_model.load(str(folder))
        records = folder / "assets.extra" / "tf_serving_warmup_requests"
        self.warmed = 0
        for raw in tf.data.TFRecordDataset(str(records)):
            log = prediction_log_pb2.PredictionLog.FromString(raw.numpy())
            request = log.predict_log.request
            self.run(
                request.model_spec.signature_name,
                {k: tf.make_ndarray(v) for k, v in request.inputs.items()},
            )
            self.warmed += 1

    def check(self, name, version):
        if name != self.name or version not in (None, self.version):
            raise Refused(
                grpc.StatusCode.NOT_FOUND, f"no servable {name} {version}"
            )

    def run(self, signature, inputs):
        """Check names but no shapes, as TensorFlow Serving does."""
        bad = grpc.StatusCode.INVALID_ARGUMENT
        function = self.loaded.signatures.get(signature)
        if function is None:
            raise Refused(bad, f"no signature {signature}")
        known = function.structured_input_signature[1]
        if sorted(known) != sorted(inputs):
            raise Refused(bad, f"inputs {sorted(inputs)}, not {sorted(known)}")
        try:
            return function(
                **{
                    name: tf.constant(value, known[name].dtype)
                    for name, value in inputs.items()
                }
            )
        except tf.errors.OpError as error:
            raise Refused(bad, error.message) from error
        except (TypeError, ValueError) as error:
            raise Refused(bad, str(error)) from error


class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, servable):
        self.servable = servable

    def Predict(self, request, context):
        spec = request.model_spec
        choice = spec.WhichOneof("version_choice")
        version = {
            "version": spec.version.value,
            # The one label that exists, as if the configuration named it.
            "version_label": (
                self.servable.version if spec.version_label == "stable" else -1
            ),
        }.get(choice)
        try:
            self.servable.check(spec.name, version)
            outputs = self.servable.run(
                spec.signature_name or "serving_default",
                {k: tf.make_ndarray(v) for k, v in request.inputs.items()},
            )
        except Refused as error:
            context.abort(error.code, str(error))
        response = predict_pb2.PredictResponse()
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(_as_values(value.numpy()))
        return response


def _as_values(array):
    """Answer in float_val and int_val, as TensorFlow Serving does."""
    proto = tf.make_tensor_proto(array)
    fields = {"f": proto.float_val, "i": proto.int_val, "u": proto.int_val}
    if array.ndim and array.dtype.kind in fields:
        proto.tensor_content = b""
        field = fields[array.dtype.kind]
        del field[:]
        field.extend(array.ravel().tolist())
    return proto


class Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, servable):
        self.servable = servable

    def GetModelStatus(self, request, context):
        try:
            self.servable.check(request.model_spec.name, None)
        except Refused as error:
            context.abort(error.code, str(error))
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(
            version=self.servable.version,
            state=get_model_status_pb2.ModelVersionStatus.AVAILABLE,
        )
        return response


class Rest(http.BaseHTTPRequestHandler):
    """The column format of the REST API, and the status."""

    servable: Servable

    def do_GET(self):
        if self.path not in self.paths():
            return self.answer(404, {"error": f"not found: {self.path}"})
        status = {"version": str(self.servable.version), "state": "AVAILABLE"}
        return self.answer(200, {"model_version_status": [status]})

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(length))
        try:
            if self.path.removesuffix(":predict") not in self.paths():
                raise Refused(None, f"not found: {self.path}")
            inputs = {k: _plain(v) for k, v in body["inputs"].items()}
            outputs = self.servable.run(body["signature_name"], inputs)
        except Refused as error:
            return self.answer(400, {"error": str(error)})
        # Texts, for no output has a name that ends in "_bytes".
        columns = {k: _texts(v.numpy().tolist()) for k, v in outputs.items()}
        return self.answer(200, {"outputs": columns})

    def paths(self):
        base = f"/v1/models/{self.servable.name}"
        version = f"{base}/versions/{self.servable.version}"
        return base, version, f"{base}/labels/stable"

    def answer(self, code, content):
        data = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def _plain(value):
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value


def _texts(value):
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def main(base: str, name: str) -> None:
    servable = Servable(Path(base), name)
    server = grpc.server(
        futures.ThreadPoolExecutor(2),
        options=[("grpc.max_receive_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Predictions(servable), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        Models(servable), server
    )
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    Rest.servable = servable
    rest = http.ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    print(grpc_port, rest.server_port, servable.warmed, flush=True)
    sys.stdin.read()
    server.stop(None).wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
