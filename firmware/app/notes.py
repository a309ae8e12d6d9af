"""What of an alarm is told to the cloud and to tools.

In: reports of the ladder. Out: messages in the outbox, notes for the desk's output.
Must never be waited for by a call.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.mail import Mail
    from firmware.app.telemetry import Telemetry
    from firmware.hal.base import Board


class Notes:
    """`number`: the number dialled last. `closing`: id of the report that ended the last call."""

    def __init__(self, board: "Board", mail: "Mail", telemetry: "Telemetry") -> None:
        self.board = board
        self.mail = mail
        self.telemetry = telemetry
        self.number = ""
        self.closing: str | None = None

    def report(self, kind: str, fields: "dict[str, object]") -> None:
        """A report of kind `call` or `event`."""
        message_id = self.mail.post(kind, fields)
        if kind == "call":
            if fields.get("step") in ("end", "fail"):
                self.closing = message_id
            self._call(fields)

    def _call(self, fields: "dict[str, object]") -> None:
        step = fields.get("step")
        about = {"ref": fields.get("ref"), "label": fields.get("to"), "number": self.number}
        if step == "dial":
            about["src"] = fields.get("src")
            self.board.note("dial", about)
        elif step == "talk":
            self.telemetry.count("answered")
            self.board.note("talking", about)
        elif step in ("end", "fail"):
            about["step"] = step
            about["cause"] = fields.get("cause")
            self.board.note("ended", about)
