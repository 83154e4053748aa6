"""The two solvers that R-CNN uses from scikit-learn."""

from kcv.extras import describe_installation


def solvers() -> tuple[type, type]:
    """Import the solvers of scikit-learn that R-CNN is trained with.

    Returns:
        The classes `LinearSVC`, which calls liblinear, and `Ridge`.

    Raises:
        ImportError: If scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import Ridge
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise ImportError(
            "Training R-CNN's support vector machines and box regressors needs "
            f"scikit-learn. {describe_installation('rcnn')}"
        ) from error
    return LinearSVC, Ridge
