"""Ask a model server for predictions over REST: NumPy and urllib alone."""

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import numpy as np

from kcv.serving import errors
from kcv.serving import http_calls
from kcv.serving.inputs import read_batch

_MAX_ANSWER = 2**31 - 1  # bytes
_MAX_PAGE = 2**12  # bytes of the page of an error


class RestClient:
    """Talk to one model of a TensorFlow Serving server over HTTP and JSON.

    Send encoded images: as base64 a JPEG costs a third more than over gRPC,
    while one float image of 600x800 is 10 MB of JSON and takes about a second
    to write. JSON carries no dtypes: floating point comes back as float32 and
    whole numbers as int32, which is what kcv serves. An output with a number
    that does not fit has 64 bits.

    Redirections are not followed: the answer would be that of another server.

    Args:
        address: "http://host:port" of the server's REST port. Defaults to
            "http://localhost:8501".
        model: Name under which the server serves the model.
        signature: Signature to call. Defaults to "serving_bytes".
        version: Version to call: a positive integer, or a version label
            (string). If None, the server chooses, which is the newest version.
            Defaults to None.
        timeout: Time from the beginning of a call until it is given up, in
            seconds, however slowly the server answers. Defaults to 30.0.

    Raises:
        ValueError: An address without http:// or https://, a version that is
            neither a positive int nor a label, an empty name, or a timeout
            that is not a number.

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
        errors.check_name("model", model)
        errors.check_name("signature", signature)
        errors.check_version(version)
        errors.check_timeout(timeout)
        _check_address(address)
        self.address = address.rstrip("/")
        self.model = model
        self.signature = signature
        self.timeout = timeout
        self._url = f"{self.address}/v1/models/{_quote(model)}"
        if isinstance(version, str):
            self._url += f"/labels/{_quote(version)}"
        elif version is not None:
            self._url += f"/versions/{version}"

    def predict(self, **inputs) -> dict[str, np.ndarray]:
        """Run the signature on one batch.

        Args:
            **inputs: One argument per input of the signature, as those of
                `Client.predict`.

        Returns:
            Output name to array, the batch first.

        Raises:
            ServingError: The server refused, or what came is not an answer:
                a redirection, a web page, a part of an answer.
            ConnectionError: If there is no server at the address.
            TimeoutError: No whole answer within `timeout` seconds.
            TypeError: If an input is not a tensor.
        """
        body = {
            "signature_name": self.signature,
            # The column format: it also holds for outputs of one batch that
            # have different shapes, and names the outputs always.
            "inputs": {
                name: _to_json(read_batch(name, value))
                for name, value in inputs.items()
            },
        }
        return self._call(":predict", json.dumps(body).encode(), _outputs)

    def status(self) -> dict[int, str]:
        """Ask which versions of the model there are, and their state.

        Returns:
            Version to state, "AVAILABLE" where it answers.

        Raises:
            ServingError: If the server does not have the model or version, or
                what came is not an answer.
            ConnectionError: If there is no server at the address.
            TimeoutError: No whole answer within `timeout` seconds.
        """
        return self._call("", None, _versions)

    def _call(self, path, body, read):
        request = urllib.request.Request(
            self._url + path,
            data=body,
            headers={"Content-Type": "application/json"},
        )
        try:
            answer = http_calls.call(request, self.timeout, _MAX_ANSWER)
        except urllib.error.HTTPError as error:
            raise self._refusal(f"HTTP {error.code}", _page(error)) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise self._timeout() from None
            raise ConnectionError(
                f"No model server answers at {self.address}: "
                f"{errors.shorten(str(error.reason))}"
            ) from error
        except TimeoutError:
            raise self._timeout() from None
        except (http.client.HTTPException, OSError) as error:
            raise self._refusal("no answer", repr(error)) from error
        try:
            return read(json.loads(answer))
        # A text of many brackets is too deep for the parser.
        except (KeyError, RecursionError, TypeError, ValueError) as error:
            beginning = answer[:200].decode(errors="replace")
            raise self._refusal(
                "no answer", f"{error!r} in {beginning!r}"
            ) from error

    def _refusal(self, code, details):
        return errors.ServingError(code, details, self.model, self.signature)

    def _timeout(self):
        return TimeoutError(
            f"{self.address} gave no answer within timeout="
            f"{self.timeout} seconds"
        )


def _check_address(address):
    """Raise ValueError unless an address can be put before a path."""
    try:
        parts = urllib.parse.urlsplit(address)
        is_whole = bool(parts.hostname) and parts.port != 0
    except (AttributeError, TypeError, ValueError):
        is_whole = False
    if (
        not is_whole
        or not address.startswith(("http://", "https://"))
        or not (address.isascii() and address.isprintable())
        or any(mark in address for mark in " ?#@")
    ):
        raise ValueError(
            "`address` must start with http:// or https:// and name a host. "
            f"Received: address={address!r}"
        )


def _quote(name):
    """Keep a name within its part of the path, whatever it contains."""
    return urllib.parse.quote(name, safe="")


def _page(error):
    """Read the beginning of the page of an error."""
    try:
        with error:
            page = error.read(_MAX_PAGE)
    except (http.client.HTTPException, OSError) as failure:
        return repr(failure)
    return page.decode(errors="replace") or str(error.reason)


def _to_json(array):
    values = array.tolist()
    return _with_base64(values) if array.dtype == object else values


def _with_base64(value):
    if isinstance(value, list):
        return [_with_base64(item) for item in value]
    return {"b64": base64.b64encode(value).decode()}


def _outputs(answer) -> dict[str, np.ndarray]:
    outputs = answer["outputs"]
    if not isinstance(outputs, dict):
        # A signature with a single output comes without its name.
        outputs = {"outputs": outputs}
    if not outputs:
        raise ValueError("there are no outputs")
    return {name: _from_json(value) for name, value in outputs.items()}


def _versions(answer) -> dict[int, str]:
    return {
        int(version["version"]): str(version["state"])
        for version in answer["model_version_status"]
    }


def _from_json(value: Any) -> np.ndarray:
    """Convert an output, or raise ValueError if it is not a tensor."""
    if isinstance(_first(value), (dict, str)):
        array = np.array(_to_strings(value), dtype=object)
        kinds = {type(item) for item in array.ravel()}
        if kinds not in ({bytes}, {str}):
            raise ValueError("an output mixes texts with other values")
        return array if kinds == {bytes} else array.astype(str)
    array = np.array(value)
    if array.dtype.kind not in "fiub":
        raise ValueError("an output is neither numbers nor texts")
    if array.dtype.kind == "i":
        narrow = array.astype(np.int32)
        return narrow if np.array_equal(narrow, array) else array
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float32)
        if not (np.isinf(narrow) & np.isfinite(array)).any():
            _check_integers(array, value)
            return narrow
    return array


def _check_integers(array, value):
    """Raise ValueError for integers that NumPy has rounded to floats."""
    if np.abs(array).max(initial=0) < 2.0**63:
        return
    items = np.array(value, object).ravel()
    if any(isinstance(item, int) and abs(item) >= 2**63 for item in items):
        raise ValueError("a whole number does not fit into 64 bits")


def _first(value):
    while isinstance(value, list) and value:
        value = value[0]
    return value


def _to_strings(value):
    """Decode what is not text, which JSON holds as {"b64": ...}."""
    if isinstance(value, list):
        return [_to_strings(item) for item in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return value
