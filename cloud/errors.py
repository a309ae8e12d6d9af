"""What can go wrong in the cloud's business, as a person or a machine outside is told.

Texts never hold personal data: they are shown, logged and stored.
"""

from __future__ import annotations

import traceback


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


def described(error: BaseException) -> str:
    """Kind and place of an error for the log, without its text: the text may quote a row."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/cloud/" in frame.filename.replace("\\", "/")]
    place = f" at {ours[-1].filename.rsplit('cloud', 1)[-1]}:{ours[-1].lineno}" if ours else ""
    state = getattr(error, "sqlstate", None)  # the database's own kind
    return f"{type(error).__name__}{f' {state}' if state else ''}{place}"
