"""What can go wrong in the cloud's business, as a person or a machine outside is told.

Texts never hold personal data: they are shown, logged and stored.
"""

from __future__ import annotations


class AppError(Exception):
    """The request cannot be done. `status` is its HTTP status."""

    status = 400

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status


class BadInput(AppError):  # noqa: N818 - reads as the answer that it is
    """What was given has not the form that is asked for."""

    status = 400


class NotFound(AppError):  # noqa: N818
    """There is no such thing."""

    status = 404


class Conflict(AppError):  # noqa: N818
    """It exists already, or has moved on since it was looked at."""

    status = 409
