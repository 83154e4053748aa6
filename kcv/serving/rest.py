"""Ask a model server for predictions over REST: NumPy and urllib alone."""

import base64
import json
import urllib.error
import urllib.request

import numpy as np

from kcv.serving import errors


class RestClient:
    """Talk to one model of a TensorFlow Serving server over HTTP and JSON.

    Send encoded images: as base64 a JPEG costs a third more than over gRPC,
    while one float image of 600x800 is 10 MB of JSON and takes about a second
    to write. JSON carries no dtypes: floating point comes back as float32 and
    whole numbers as int32, which is what kcv serves.

    Args:
        address: "http://host:port" of the server's REST port.
        model: name under which the server serves the model.
        signature: signature to call.
        version: an int, a version label (str), or None for the newest.
        timeout: seconds until a call is given up.

    Raises:
        ValueError: an address without http:// or https://, or a version that
            is neither a positive int nor a label.

    Example:

    ```python
    from pathlib import Path

    client = RestClient("http://localhost:8501", model="faster_rcnn")
    answer = client.predict(image_bytes=[Path("a.jpg").read_bytes()])
    ```
    """

    def __init__(
        self,
        address: str = "http://localhost:8501",
        *,
        model: str,
        signature: str = "serving_bytes",
        version: int | str | None = None,
        timeout: float = 30.0,
    ):
        errors.check_version(version)
        if not address.startswith(("http://", "https://")):
            raise ValueError(
                "`address` must start with http:// or https://. Received: "
                f"address={address!r}"
            )
        self.address = address.rstrip("/")
        self.model = model
        self.signature = signature
        self.timeout = timeout
        self._url = f"{self.address}/v1/models/{model}"
        if isinstance(version, str):
            self._url += f"/labels/{version}"
        elif version is not None:
            self._url += f"/versions/{version}"

    def predict(self, **inputs) -> dict[str, np.ndarray]:
        """Run the signature on one batch; see `Client.predict`."""
        for name, value in inputs.items():
            errors.check_batch(name, value)
        body = {
            "signature_name": self.signature,
            # The column format: it also holds for outputs of one batch that
            # have different shapes, and names the outputs always.
            "inputs": {name: _to_json(v) for name, v in inputs.items()},
        }
        answer = self._call(":predict", json.dumps(body).encode())
        outputs = answer["outputs"]
        if not isinstance(outputs, dict):
            # A signature with a single output comes without its name.
            outputs = {"outputs": outputs}
        return {name: _from_json(v) for name, v in outputs.items()}

    def status(self) -> dict[int, str]:
        """Ask which versions of the model there are; see `Client.status`."""
        versions = self._call("", None)["model_version_status"]
        return {int(v["version"]): v["state"] for v in versions}

    def _call(self, path, body):
        request = urllib.request.Request(
            self._url + path,
            data=body,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(
                request, timeout=self.timeout
            ) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            details = error.read().decode(errors="replace")
            raise errors.ServingError(
                f"HTTP {error.code}", details, self.model, self.signature
            ) from None
        except TimeoutError:
            raise TimeoutError(
                f"{self.address} gave no answer within timeout="
                f"{self.timeout} seconds"
            ) from None
        except urllib.error.URLError as error:
            raise ConnectionError(
                f"No model server answers at {self.address}: {error.reason}"
            ) from error


def _to_json(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, np.ndarray):
        return _to_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    return value


def _from_json(value):
    array = np.array(value)
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    if array.dtype.kind == "i":
        return array.astype(np.int32)
    return array
