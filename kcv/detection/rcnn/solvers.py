"""The two solvers that R-CNN uses from scikit-learn."""


def solvers():
    """Return the classes `LinearSVC` (liblinear) and `Ridge`.

    Raises:
        ImportError: If scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import Ridge
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise ImportError(
            "Training R-CNN's support vector machines and box regressors needs "
            'scikit-learn: pip install "kcv[rcnn]"'
        ) from error
    return LinearSVC, Ridge
