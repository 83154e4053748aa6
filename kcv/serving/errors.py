"""What goes wrong on the way from a model to its server's answers."""


class ExportError(RuntimeError):
    """Report an export that a server would answer wrongly or not at all."""


class ServingError(RuntimeError):
    """Report a request that the server answered with an error.

    Args:
        code: gRPC status name ("INVALID_ARGUMENT", "NOT_FOUND", ...), or
            "HTTP 400" and the like over REST.
        details: the server's own words.
        model: model that was asked.
        signature: signature that was asked.
    """

    def __init__(self, code: str, details: str, model: str, signature: str):
        super().__init__(
            f"model {model!r}, signature {signature!r}: {code}: {details}"
        )
        self.code = code
        self.details = details


def check_version(version: int | str | None) -> None:
    """Raise ValueError unless `version` is None, positive, or a label."""
    if version is None:
        return
    is_label = isinstance(version, str) and version != ""
    is_number = (
        isinstance(version, int)
        and not isinstance(version, bool)
        and version >= 1
    )
    if not is_label and not is_number:
        raise ValueError(
            "`version` must be a positive int, a version label or None. "
            f"Received: version={version!r}"
        )


def check_batch(name: str, value: object) -> None:
    """Raise TypeError for one encoded image where a list is meant."""
    if isinstance(value, (bytes, str)):
        raise TypeError(
            f"`{name}` takes a batch. Received one {type(value).__name__} of "
            f"length {len(value)}; pass a list of bytes: {name}=[...]"
        )
