"""What goes wrong on the way from a model to its server's answers."""

import math

# A server, or something in its place, can answer with a page of any length.
_MAX_TEXT = 1000  # characters
_MAX_VERSION = 2**63 - 1


class ExportError(RuntimeError):
    """Report an export that a server would answer wrongly or not at all."""


class ServingError(RuntimeError):
    """Report a request that the server answered with an error.

    An answer that is not one, such as a web page or half of the numbers, is
    reported in the same way.

    Args:
        code: Name of the gRPC status ("INVALID_ARGUMENT", "NOT_FOUND", ...), or
            "HTTP 400" and the like over REST.
        details: Text of the server, of which the first 1,000 characters are
            kept. If None, the text is "no details".
        model: Model that was asked.
        signature: Signature that was asked.
    """

    def __init__(
        self, code: str, details: str | None, model: str, signature: str
    ):
        details = shorten(details or "no details")
        super().__init__(
            f"model {shorten(model)!r}, signature {shorten(signature)!r}: "
            f"{code}: {details}"
        )
        self.code = code
        self.details = details


def shorten(text: str) -> str:
    """Cut a text after 1,000 characters, and say how long it was.

    Args:
        text: Text of any length.

    Returns:
        The text, or its beginning.

    Example:

    >>> shorten("refused")
    'refused'
    """
    if len(text) <= _MAX_TEXT:
        return text
    return f"{text[:_MAX_TEXT]}... ({len(text)} characters)"


def check_name(argument: str, name: str) -> None:
    """Raise an error unless a name is text that can be sent.

    Args:
        argument: Name of the argument, for the error message.
        name: Value of the argument.

    Raises:
        ValueError: If the name is not a string, is empty, or cannot be encoded
            as UTF-8.
    """
    if isinstance(name, str) and name:
        try:
            name.encode()
        except UnicodeEncodeError:
            pass
        else:
            return
    raise ValueError(
        f"`{argument}` must be a name that is not empty. Received: "
        f"{argument}={name!r}"
    )


def check_version(version: int | str | None) -> None:
    """Raise an error unless a version is a number, a label or None.

    Args:
        version: Positive integer, version label (string) or None.

    Raises:
        ValueError: If the version is something else.
    """
    if version is None:
        return
    if isinstance(version, str) and version:
        check_name("version", version)
        return
    is_number = isinstance(version, int) and not isinstance(version, bool)
    if not is_number or not 1 <= int(version) <= _MAX_VERSION:
        raise ValueError(
            "`version` must be a positive int, a version label or None. "
            f"Received: version={version!r}"
        )


def check_timeout(timeout: float) -> None:
    """Raise an error unless a timeout is a number of seconds.

    Args:
        timeout: Time in seconds.

    Raises:
        ValueError: If the timeout is not a finite number.
    """
    is_number = isinstance(timeout, (int, float))
    if isinstance(timeout, bool) or not is_number or not math.isfinite(timeout):
        raise ValueError(
            "`timeout` must be a number of seconds. Received: "
            f"timeout={timeout!r}"
        )
