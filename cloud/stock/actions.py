"""What can happen in stock: ids are reserved, benches' files are merged, codes are given out, cards come in.

In: an open transaction. Out: rows, and what a bench must be told. No commit; `now` comes in.
Passwords leave in the return value of `reserve` and `reissue` and are kept nowhere here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import errors

from cloud.devices.actions import PASSWORD_BYTES, credential
from cloud.errors import BadInput, Conflict, NotFound
from cloud.stock import record, rules, store
from cloud.stock.models import Known, Outcome
from protocol import codes, messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from cloud.db import Conn
    from cloud.sealed import Box
    from cloud.stock.models import Bench, Card

_BENCH = re.compile(r"[A-Z0-9]{2,12}")
_DESK_RING_S = 40
_HEARTBEAT_S = 600
REASON_CHARS = (3, 200)


async def reserve(
    conn: Conn, box: Box, bench: str, prefix: str, count: int, *, hotline: tuple[str, str], now: datetime
) -> dict[str, Any]:
    """New ids for a bench with their passwords, lock hashes and stored plan; the key of a bench that is new."""
    if not _BENCH.fullmatch(bench):
        raise BadInput("a bench is named by 2 to 12 capitals and digits")
    if not rules.is_prefix(prefix):
        raise BadInput(f"a prefix is {rules.PREFIX_CHARS[0]} to {rules.PREFIX_CHARS[1]} capitals")
    if not 1 <= count <= rules.COUNT_MAX:
        raise BadInput(f"1 to {rules.COUNT_MAX} ids at a time")
    await store.lock(conn)
    key = await _bench_key(conn, bench, now)
    version, config = await _config(conn, box, hotline, now)
    last = await store.last_number(conn, prefix, rules.NUMBER_DIGITS)
    try:
        names = rules.ids(prefix, last, count)
    except ValueError as error:
        raise Conflict(str(error)) from None
    entries = [_entry(box, device_id, 0) for device_id in names]
    rows = [(entry["device_id"], credential(entry["password"])) for entry in entries]
    await store.add_reserved(conn, bench, rows, config_version=version, now=now)
    return await _file(conn, box, bench, key=key, config=config, entries=entries, now=now)


async def reissue(conn: Conn, box: Box, device_id: str, *, hotline: tuple[str, str], now: datetime) -> dict[str, Any]:
    """Another password for a board that lost its own: the same id, for the same board, at its own bench."""
    await store.lock(conn)
    unit = await store.unit(conn, device_id)
    if unit is None:
        raise NotFound(f"{device_id}: unknown")
    if unit.bench is None or unit.mac is None:
        raise Conflict(f"{device_id}: never provisioned by a bench; reserve an id instead")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    if not await store.new_credential(conn, device_id, credential(password)):
        raise Conflict(f"{device_id}: revoked")
    entry = {**_entry(box, device_id, unit.unlock_round + 1), "password": password, "mac": unit.mac}
    _version, config = await _config(conn, box, hotline, now)
    return await _file(conn, box, unit.bench, key=None, config=config, entries=[entry], now=now)


async def merge(
    conn: Conn, lines: Iterable[str], now: datetime, told: Callable[[], None] = lambda: None
) -> tuple[list[Outcome], dict[str, list[tuple[int, int]]]]:
    """What became of each line, and the records that each bench has not handed in. `told` is called per line."""
    await store.lock(conn)
    merger = _Merger(conn, now)
    outcomes = []
    for number, line in enumerate(lines, 1):
        outcomes.append(await merger.line(number, line.rstrip("\r\n")))
        told()
    await store.judge(conn, sorted(merger.heard_of))
    return outcomes, merger.gaps()


async def unlock_code(conn: Conn, box: Box, device_id: str, *, reason: str, actor: str, now: datetime) -> str:
    """The code of a terminal's console. That it was given out is kept for ever."""
    if not REASON_CHARS[0] <= len(reason.strip()) <= REASON_CHARS[1]:
        raise BadInput(f"say why, in {REASON_CHARS[0]} to {REASON_CHARS[1]} characters")
    unit = await store.unit(conn, device_id)
    if unit is None:
        raise NotFound(f"{device_id}: unknown")
    await store.log_unlock(conn, unit, reason.strip(), actor, now)
    return rules.unlock_code(_unlock_key(box), device_id, unit.unlock_round)


async def close_bench(conn: Conn, bench: str, now: datetime) -> int:
    """A bench is lost: nothing of it counts from now on. How many reserved ids died with it."""
    await store.lock(conn)
    revoked = await store.close_bench(conn, bench, now)
    if revoked is None:
        raise NotFound(f"{bench}: no such bench, or closed already")
    return revoked


async def import_cards(conn: Conn, box: Box, cards: list[tuple[int, Card]], now: datetime) -> list[tuple[int, str]]:
    """Take cards (line, card), all or none. Returns (line, reason) of those that clash with what is known."""
    await store.lock(conn)
    known = await store.card_hashes(conn)
    hash_of, owner = dict(known), {digest: iccid for iccid, digest in known}
    bad, rows, here = [], [], set()
    for line, card in cards:
        digest = box.digest(card.msisdn)
        if hash_of.get(card.iccid, digest) != digest:
            bad.append((line, "this ICCID is in stock with another number"))
        elif owner.get(digest, card.iccid) != card.iccid:
            bad.append((line, f"this number belongs to the card ending {owner[digest][-4:]}"))
        elif card.iccid in here:
            bad.append((line, "this card stands in the list twice"))
        here.add(card.iccid)
        hash_of[card.iccid], owner[digest] = digest, card.iccid
        rows.append((card.iccid, box.seal(card.msisdn), digest, card.plan, card.pool, card.expires_on))
    if not bad:
        await store.save_cards(conn, rows, now)
    return bad


async def card_proofs(conn: Conn, box: Box, bench: str) -> tuple[bytes, dict[str, str]]:
    """A key, and for each free card a keyed hash of its number: what a bench compares a caller's number with."""
    key = box.digest(f"caller {bench}")
    free = [card for card in await store.cards(conn) if card.device_id is None]
    return key, {card.iccid: caller_proof(key, box.open(card.msisdn_sealed)) for card in free}


def caller_proof(key: bytes, number: str) -> str:
    """Stands for a number where none may be written: hex."""
    return hmac.new(key, number.encode(), hashlib.sha256).hexdigest()


def _unlock_key(box: Box) -> bytes:
    return box.digest("unlock a console")


def _entry(box: Box, device_id: str, unlock_round: int) -> dict[str, Any]:
    code = rules.unlock_code(_unlock_key(box), device_id, unlock_round)
    return {
        "device_id": device_id,
        "password": secrets.token_urlsafe(PASSWORD_BYTES),
        "lock": rules.lock_hash(code).hex(),
    }


async def _bench_key(conn: Conn, bench: str, now: datetime) -> bytes | None:
    """The private key of a bench that is new; one that is known has its own and gets no other."""
    known = await store.bench(conn, bench)
    if known is not None:
        if known.closed_at is not None:
            raise Conflict(f"{bench}: closed; take another name")
        return None
    key = Ed25519PrivateKey.generate()
    await store.add_bench(conn, bench, key.public_key().public_bytes_raw(), now)
    return key.private_bytes_raw()


async def _config(conn: Conn, box: Box, hotline: tuple[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
    """The fleet's configuration and its version; where there is none yet, every key calls the desk."""
    shared = await store.shared_config(conn)
    if shared is not None:
        decoded = messages.decode("down", "config", box.open_bytes(shared[1]))
        return shared[0], {name: value for name, value in decoded.items() if value is not None and name != "v"}
    label, number = hotline
    plan = {key: [[label, number, _DESK_RING_S, 1]] for key in codes.KEYS if key != "cancel"}
    fields = {"ver": 1, "hb": _HEARTBEAT_S, "plan": plan}
    body = messages.encode("down", "config", fields)
    await store.add_first_config(conn, box.seal_bytes(body), _HEARTBEAT_S, now)
    return 1, fields


async def _file(
    conn: Conn,
    box: Box,
    bench: str,
    *,
    key: bytes | None,
    config: dict[str, Any],
    entries: list[dict[str, Any]],
    now: datetime,
) -> dict[str, Any]:
    proof_key, proofs = await card_proofs(conn, box, bench)
    return {
        "v": 1,
        "bench": bench,
        "made_at": record.stamp(now),
        "key": None if key is None else key.hex(),
        "registry_key": box.public_key().hex(),
        "config": config,
        "proof_key": proof_key.hex(),
        "sims": proofs,
        "devices": entries,
    }


class _Merger:
    """One file, or several benches' files one after the other."""

    def __init__(self, conn: Conn, now: datetime) -> None:
        self._conn = conn
        self._now = now
        self._benches: dict[str, Bench | None] = {}
        self._hashes: dict[str, dict[int, str]] = {}  # bench: number: hash of the line, kept or refused
        self._refused: dict[str, set[int]] = {}
        self._last: dict[str, int] = {}  # bench: highest number that is kept
        self.heard_of: set[str] = set()  # terminals of which something new counts

    async def line(self, number: int, line: str) -> Outcome:
        """Verify one line and let it count, or say why not."""
        try:
            fields = record.parse(line)
            await self._verify(fields)
        except record.RecordError as error:
            return Outcome(line=number, n=None, device_id=None, result="refused", reason=str(error))
        bench, n, digest = fields["bench"], fields["n"], record.line_hash(line)
        kept = self._hashes[bench]
        result, reason = "merged", self._chain_fault(fields, digest)
        if reason:
            result = "refused"  # not kept: the place in the chain belongs to another line
        elif n in kept and n not in self._refused[bench]:
            result = "known"
        else:
            reason = await self._apply(fields)
            result = "refused" if reason else "merged"
            await store.keep(
                self._conn, fields, line, bytes.fromhex(digest),
                refused=reason or None, at=record.signed_at(fields), now=self._now,
            )  # fmt: skip
            if not reason:
                self.heard_of.add(fields["device"])
            kept[n] = digest
            self._last[bench] = max(self._last[bench], n)
            (self._refused[bench].add if reason else self._refused[bench].discard)(n)
        return Outcome(line=number, n=n, device_id=fields["device"], result=result, reason=reason)

    def gaps(self) -> dict[str, list[tuple[int, int]]]:
        """Stretches of records that are missing, by bench."""
        found = {bench: rules.gaps(0, sorted(kept)) for bench, kept in self._hashes.items()}
        return {bench: stretches for bench, stretches in found.items() if stretches}

    async def _verify(self, fields: dict[str, Any]) -> None:
        name = fields["bench"]
        if name not in self._benches:
            self._benches[name] = await store.bench(self._conn, name)
            kept = await store.kept(self._conn, name)
            self._hashes[name] = {n: bytes(row.line_hash).hex() for n, row in kept.items()}
            self._last[name] = max(kept, default=0)
            self._refused[name] = {n for n, row in kept.items() if row.refused is not None}
        bench = self._benches[name]
        if bench is None:
            raise record.RecordError(f"the bench {name} is unknown")
        record.verify(fields, bench.public_key)
        if bench.closed_at is not None and fields["n"] not in self._hashes[name]:
            raise record.RecordError(f"the bench {name} was closed")

    def _chain_fault(self, fields: dict[str, Any], digest: str) -> str:
        bench, n, kept = fields["bench"], fields["n"], self._hashes[fields["bench"]]
        if kept.get(n, digest) != digest:
            return f"{bench} has signed another record {n} before: its folder was copied or set back"
        before = record.FIRST if n == 1 else kept.get(n - 1)
        if before is not None and before != fields["prev"]:
            return f"does not follow on record {n - 1} of {bench}"
        return ""

    async def _apply(self, fields: dict[str, Any]) -> str:
        """Why it does not count; "" once it does."""
        if fields["kind"] == "accept":  # says nothing of the board that is written down: it is only kept
            unit = await store.unit(self._conn, fields["device"])
            return "; ".join(rules.refusals(fields, Known(device=unit)))
        in_order = fields["n"] > self._last[fields["bench"]]
        try:
            async with self._conn.transaction():  # a savepoint: a refusal of the database costs this line only
                return await _take(self._conn, fields, in_order=in_order)
        except errors.UniqueViolation:
            return "a part of this board belongs to another terminal"


async def _take(conn: Conn, fields: dict[str, Any], *, in_order: bool) -> str:
    known = await _known(conn, fields)
    reasons = rules.refusals(fields, known)
    if reasons:
        return "; ".join(reasons)
    if not in_order and await store.later_record(conn, fields["bench"], fields["device"], fields["kind"], fields["n"]):
        return ""  # handed in late: what was said after it counts
    if known.card is not None:
        await store.provision(conn, fields, known.card, record.signed_at(fields))
    return ""


async def _known(conn: Conn, fields: dict[str, Any]) -> Known:
    device = await store.unit(conn, fields["device"])
    card = await store.card(conn, fields["iccid"])
    mac, serial, imei, iccid, msisdn = await store.owners(conn, fields, None if card is None else card.msisdn_hash)
    return Known(device=device, by_mac=mac, by_serial=serial, by_imei=imei, by_iccid=iccid, card=card, by_msisdn=msisdn)
