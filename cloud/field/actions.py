"""What a technician's job does: apply it once, add its evidence, finish it. Loads, decides, saves; no commit.

A job that comes again finds its visit and changes nothing, so that it may be sent until an answer arrives.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from cloud.billing import store as billing
from cloud.calls import actions as calls
from cloud.calls import store as cases
from cloud.days import shanghai_day
from cloud.devices import actions as devices
from cloud.devices import store as registry
from cloud.elders import store as elders
from cloud.errors import BadInput, Conflict, NotFound
from cloud.field import rules, store
from cloud.field.models import CALL_RESULTS, INSTALL, NOT_MADE, REMOVE, RETIRE, SWAP, Applied
from cloud.sealed import SealBroken
from protocol import messages
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from cloud.db import Conn
    from cloud.field.models import Call120, Job, Picture, Terminal, Visit
    from cloud.sealed import Box
    from cloud.settings import Settings

log = logging.getLogger(__name__)

HEARTBEAT_S = 600  # the shipped interval, where a terminal has no configuration yet


class Refused(Conflict):
    """The job cannot be done. `code` says why; see tools/install/texts.py for its words."""

    def __init__(self, code: str, about: str = "") -> None:
        super().__init__(f"{code} {about}".strip())
        self.code = code
        self.about = about  # a device id or a day; nothing personal


async def apply(
    conn: Conn, box: Box, settings: Settings, job: Job, now: datetime, *, bench: str | None = None
) -> Applied:
    """Do what a job says, once; `bench` signed it. Raises Refused."""
    wanted = rules.job_hash(job)
    await store.lock(conn, [job.device_id, *([job.old_device_id] if job.old_device_id else [])], job.home_id)
    known = await store.visit(conn, job.visit_id)
    if known is not None:
        if known.job_hash != wanted:
            raise Refused("other_job")
        return await _applied(conn, known, again=True)
    if code := rules.possible_day(job.on, shanghai_day(now)):
        raise Refused(code, job.on.isoformat())
    home_id = await _STEPS[job.kind](conn, box, settings, job, now)
    await store.add_visit(conn, job, home_id, wanted, now, bench=bench)
    await billing.follow_pauses(conn, shanghai_day(now))
    if home_id is not None:
        await store.days_to_close_again(conn, job.device_id, job.on, now)
    if job.old_device_id is not None:
        await store.days_to_close_again(conn, job.old_device_id, rules.removed_on(job.kind, job.on), now)
    for device_id in filter(None, (job.device_id, job.old_device_id)):
        await devices.tell_live(conn, device_id)
    if not rules.EVIDENCE.get(job.kind):
        await store.finish(conn, job.visit_id, now)
    visit = await store.visit(conn, job.visit_id)
    if visit is None:
        raise NotFound("the visit is not there")
    return await _applied(conn, visit, again=False)


async def add_evidence(
    conn: Conn,
    box: Box,
    visit_id: UUID,
    *,
    pictures: Iterable[Picture],
    call: Call120 | None,
    now: datetime,
    again: bool = True,
) -> Applied:
    """Keep what proves a visit, look for its press, and finish it when nothing is missing. Safe to do again.

    `again`: the visit was there before, as the answer says.
    """
    visit = await store.visit(conn, visit_id, lock_row=True)
    if visit is None:
        raise NotFound("the job was not applied yet")
    for picture in pictures:
        if rules.picture_media(picture.content) != picture.media:
            raise BadInput("a picture is a whole JPEG or PNG")
        await store.keep_picture(conn, box, visit_id, picture, sha256=hashlib.sha256(picture.content).digest(), now=now)
    if call is not None:
        if call.result not in CALL_RESULTS or (call.called_at is None) != (call.result == NOT_MADE):
            raise BadInput("a call to 120 has a result, and a time if it was made")
        await store.keep_call(conn, box, visit, call)
    await _look_for_press(conn, visit)
    if not rules.missing(visit.kind, await store.evidence(conn, visit_id)):
        await store.finish(conn, visit_id, now)
    return await _applied(conn, await store.visit(conn, visit_id) or visit, again=again)


async def press_seen(conn: Conn, visit_id: UUID) -> bool:
    """Whether the elder's own test press of this visit has reached the database."""
    visit = await store.visit(conn, visit_id, lock_row=True)
    if visit is None:
        raise NotFound("the job was not applied yet")
    return visit.press_id is not None or await _look_for_press(conn, visit)


async def make_plan(conn: Conn, box: Box, settings: Settings, device_id: str, now: datetime) -> None:
    """Want the plan of the home where a terminal is, with the settings that it has."""
    own = await _wanted_fields(conn, box, device_id)
    await _configure(conn, box, settings, device_id, household=own, now=now)


async def _look_for_press(conn: Conn, visit: Visit) -> bool:
    if visit.press_id is not None:
        return True
    made = await store.presses(conn, visit.device_id, visit.begun_at - rules.CLOCK_SKEW)
    press = rules.test_press(made, visit.begun_at)
    if press is None:
        return False
    await store.keep_press(conn, visit.visit_id, press)
    return True


async def _applied(conn: Conn, visit: Visit, *, again: bool) -> Applied:
    leaving = {SWAP: visit.old_device_id, REMOVE: visit.device_id}.get(visit.kind)
    open_cases = len(await cases.open_of_device(conn, leaving)) if leaving else 0
    missing = rules.missing(visit.kind, await store.evidence(conn, visit.visit_id))
    frozen = tuple(await store.frozen_days(conn, visit.on_day)) if visit.kind != RETIRE else ()
    return Applied(visit=visit, again=again, open_cases=open_cases, missing=missing, frozen=frozen)


async def _install(conn: Conn, box: Box, settings: Settings, job: Job, now: datetime) -> UUID:
    if job.home_id is None or not await elders.knows_home(conn, job.home_id):
        raise Refused("unknown_home")
    await _enter(conn, job, job.home_id)
    await _configure(conn, box, settings, job.device_id, household={}, now=now)
    return job.home_id


async def _swap(conn: Conn, box: Box, settings: Settings, job: Job, now: datetime) -> UUID:
    if job.old_device_id in (None, job.device_id):
        raise Refused("same_device", job.device_id)
    old_id = job.old_device_id or ""
    old = await store.terminal(conn, old_id)
    home_id = _home_left(old, job, old_id)
    household = await _wanted_fields(conn, box, old_id)
    await _leave(conn, job, old_id, retire=job.retire_old, now=now)
    await _enter(conn, job, home_id)
    await billing.hand_over_pauses(conn, old_id, job.device_id, job.on, now)
    await _configure(conn, box, settings, job.device_id, household=household, now=now)
    if not job.retire_old:
        await _configure(conn, box, settings, old_id, household={}, now=now)
    return home_id


async def _remove(conn: Conn, box: Box, settings: Settings, job: Job, now: datetime) -> UUID:
    home_id = _home_left(await store.terminal(conn, job.device_id), job, job.device_id)
    await _leave(conn, job, job.device_id, retire=job.retire_old, now=now)
    await billing.end_pauses(conn, job.device_id, job.on)
    if not job.retire_old:
        await _configure(conn, box, settings, job.device_id, household={}, now=now)
    return home_id


async def _retire(conn: Conn, box: Box, settings: Settings, job: Job, now: datetime) -> None:
    del box, settings
    if code := rules.may_retire(await store.terminal(conn, job.device_id)):
        raise Refused(code, job.device_id)
    await registry.set_status(conn, job.device_id, "retired")
    await registry.revoke(conn, job.device_id, now)


_STEPS: dict[str, Any] = {INSTALL: _install, SWAP: _swap, REMOVE: _remove, RETIRE: _retire}


def _home_left(terminal: Terminal | None, job: Job, device_id: str) -> UUID:
    code = rules.may_leave(terminal, job.on)
    if code is None and terminal is not None and not rules.expected_home(job.home_id, terminal.home_id):
        code = "other_home"
    if code is not None or terminal is None or terminal.home_id is None:
        raise Refused(code or "not_in_a_home", device_id)
    return terminal.home_id


async def _enter(conn: Conn, job: Job, home_id: UUID) -> None:
    terminal = await store.terminal(conn, job.device_id)
    if terminal is not None and terminal.home_id == home_id:
        raise Refused("in_this_home", job.device_id)
    if code := rules.may_enter(terminal, job.on, without_acceptance=job.without_acceptance is not None):
        raise Refused(code, job.device_id)
    # A second terminal would be one that nobody pays and nobody looks after: the old one is swapped.
    if not rules.home_free(await elders.terminals_of_home(conn, home_id), None):
        raise Refused("home_has_one")
    # The visit's own id: whoever reads the installation finds what put it there.
    if not await elders.install(conn, job.visit_id, job.device_id, home_id, job.on):
        raise Refused("in_a_home", job.device_id)
    await registry.set_status(conn, job.device_id, "installed")


async def _leave(conn: Conn, job: Job, device_id: str, *, retire: bool, now: datetime) -> None:
    await elders.take_out(conn, device_id, rules.removed_on(job.kind, job.on))
    await registry.set_status(conn, device_id, "retired" if retire else "stock")
    if retire:
        await registry.revoke(conn, device_id, now)


async def _configure(
    conn: Conn, box: Box, settings: Settings, device_id: str, *, household: dict[str, Any], now: datetime
) -> None:
    """Want the plan of the place where the terminal is now: of its home, or in stock one that holds no family."""
    # Of two who make a version at once the second starts from the first one's: no plan is lost under another's number.
    await registry.lock_device(conn, device_id)
    own = await _wanted_fields(conn, box, device_id)
    state = await registry.get_state(conn, device_id)
    version = 1 + max(await registry.wanted_config(conn, device_id), state.config_version if state else 0)
    plan = await calls.stored_plan(conn, box, settings, device_id)
    if not plan:
        raise Refused("no_plan", device_id)
    fields = rules.config_fields(own, household, plan, version, HEARTBEAT_S)
    try:
        await devices.want_config(conn, box, device_id, fields, now)
    except ProtocolError:
        raise Refused("plan_too_long", device_id) from None


async def _wanted_fields(conn: Conn, box: Box, device_id: str) -> dict[str, Any]:
    """The configuration that a terminal should run now; empty: the shipped one."""
    body = await registry.config_body(conn, device_id, await registry.wanted_config(conn, device_id))
    if body is None:
        return {}
    try:
        return dict(messages.decode("down", "config", box.open_bytes(body)))
    except (SealBroken, ProtocolError):
        # One that cannot be read must not keep an elder without a terminal: the plan is made anew anyway.
        log.error("the configuration of %s cannot be read", device_id)  # noqa: TRY400 - the place is known
        return {}
