"""Errors of the public layer that are not built into Python."""


class BackendUnavailableError(ImportError):
    """An optional library or device is needed for this call and cannot be used here."""


class ConvergenceError(RuntimeError):
    """No optimum was found: there is none, or the limit of iterations came first.

    Attributes
    ----------
    result : object or None
        The best iterate, where there is one.

    """

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result
