"""The acceptance test as the bench does it: one provisioned board, one technician, a signed record, a label.

In: the board's console, the bench, what provisioning knows of the board. Out: facts for the journal, a record in the
bench's file, and after a pass, and only then, the label. A test that failed is recorded too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cloud.stock.record import stamp
from tools.accept import check, plan
from tools.accept.errors import AcceptError
from tools.accept.on_port import session_on
from tools.accept.parts import Bench
from tools.accept.person import at_keyboard
from tools.accept.session import BrokenError
from tools.board.journal import Journal
from tools.label import LEGEND, BadLabelError, make
from tools.label.command import of_record
from tools.label.layout import draw
from tools.paper.fonts import NoFontError
from tools.provision import records, reservation

if TYPE_CHECKING:
    from tools.accept.person import Person
    from tools.board.bench import Bench as Folder
    from tools.board.console import Console

SETTINGS = "bench.json"
_OF_BOARD = ("device", "serial", "mac", "imei", "iccid", "board", "image", "firmware")  # the same in both records


def run(console: Console, bench: Folder, facts: dict[str, Any], person: Person | None = None) -> dict[str, Any]:
    """Test the board and record the verdict. Raises AcceptError without a pass; then there is no label."""
    settings = load_settings(bench)
    reservation.check_clock(bench.folder, datetime.now(UTC))
    wanted = wanted_of(bench, settings, facts)
    log = Journal(bench, facts["mac"]).log
    person = person or at_keyboard(facts["device"])
    where, device = console.port, facts["device"]
    person.tell("board", f"现在验收 {where} 上的终端 {device}", f"now {device} on {where}")
    try:
        with session_on(console.transport, log) as session:
            parts = check.run(Bench(session, person, wanted, session.keys))
    except BrokenError as error:
        raise AcceptError("no_session", error=error) from None
    passed = check.passed(parts)
    fields = {name: facts[name] for name in _OF_BOARD}
    fields |= {"kind": "accept", "passed": passed, "steps": check.steps(parts)}
    number = records.say(bench.folder, fields, datetime.now(UTC))
    if not passed:
        missing = [part.name for part in parts if not part.passed] or list(plan.PARTS)
        names = "、".join(plan.TITLES[name][0] for name in missing)
        raise AcceptError("not_passed", parts_cn=names, parts=", ".join(missing))
    record = records.latest(bench.folder, facts["device"], "accept")
    try:
        label = make(of_record(record or {}, settings), bench.labels)
    except OSError as error:
        raise AcceptError("no_label", why=error.strerror) from None
    return {"record": number, "label": [str(path) for path in label]}


def ready(bench: Folder) -> None:
    """What a test needs of this bench, asked before the board is touched. Raises BenchError."""
    settings = load_settings(bench)
    sample = {
        "device": "XC000000", "serial": "0", "board": reservation.plan(bench.folder).board, "image": {"kind": "home"},
        "at": stamp(datetime.now(UTC)),
    }  # fmt: skip
    try:
        draw(of_record(sample, settings), LEGEND)
    except BadLabelError as error:
        raise AcceptError("bad_words", chinese=error.chinese, english=error.english) from None
    except NoFontError:
        raise AcceptError("no_fonts") from None
    except (ImportError, AttributeError, TypeError):
        raise AcceptError("bad_settings", path=bench.folder / SETTINGS) from None


def load_settings(bench: Folder) -> dict[str, Any]:
    """`bench.json`: test_number, and what stands on labels. Raises AcceptError."""
    path = bench.folder / SETTINGS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AcceptError("no_test_number") from None
    except (OSError, ValueError):
        raise AcceptError("bad_settings", path=path) from None
    if not isinstance(found, dict):
        raise AcceptError("bad_settings", path=path)
    if not isinstance(found.get("test_number"), str):
        raise AcceptError("no_test_number")
    why = plan.refuses_number(found["test_number"])
    if why is not None:
        raise AcceptError("bad_test_number", why=why)
    return found


def wanted_of(bench: Folder, settings: dict[str, Any], facts: dict[str, Any]) -> plan.Wanted:
    """What this board must turn out to be."""
    key, proof = reservation.caller_proof(bench.folder, facts["iccid"])
    return plan.Wanted(
        device_id=facts["device"], iccid=facts["iccid"], imei=facts["imei"], test_number=settings["test_number"],
        caller_proof=proof, proof_key=key,
    )  # fmt: skip
