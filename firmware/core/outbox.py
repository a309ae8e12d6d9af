"""Receipted messages, kept until the cloud says that it has committed them.

In: complete messages with their ids, receipts, the passing of time. Out: what is due to be sent, and the lines of a
file that bring everything back after a power cut: all of them, or what has changed since, to be put at its end. Writing
that file is somebody else's work; nothing is handed out before it was written (`pending_save`, `saved`), except when
storage is broken (`save_failed`): a press never waits for a flash chip.
Never forgets without a receipt, unless it is full: then the least important, oldest entry goes, and is counted.
"""

import json

from firmware.core.ids import IdSource
from firmware.core.lines import pack, unpack
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENTRIES_MAX = const(64)  # 16 KB of heap; two ladders of three cycles with all their reports fit
# Days have a place of their own: they prove what is billed, and must not be pushed out by a bad night.
DAYS_MAX = const(40)
# Entries sent and not yet given up on: one SIM800 round trip each, and a flood would delay the next press. A receipt
# lets the next go.
WINDOW = const(4)
_RESEND_FIRST_MS = const(10_000)
_RESEND_MOST_MS = const(300_000)
# About 80 minutes; what was never receipted until then is tried once an hour, after everything else.
_TRIES_MAX = const(20)
_ASIDE_MS = const(3_600_000)
_GONE_A_LINE = const(32)  # ids of 29 bytes: a line of the file stays short

# Importance, the first is the highest.
_PRESS = const(0)
_CALL = const(1)
_LADDER = const(2)
_RESULT = const(3)
_BOOT = const(4)
_EVENT = const(5)
_DAY = const(6)
_OF_KIND = {"press": _PRESS, "call": _CALL, "result": _RESULT, "boot": _BOOT, "event": _EVENT, "day": _DAY}
_LADDER_EVENTS = const(("ladder_exhausted", "ladder_cancelled", "sms_sent", "sms_failed"))


def importance(kind: str, fields: dict[str, object]) -> int:
    """The class of a message: emergencies first."""
    if kind == "event" and fields.get("ev") in _LADDER_EVENTS:
        return _LADDER
    return _OF_KIND[kind]


# Whether the file holds an entry.
_NEW = const(0)
_WRITING = const(1)
_SAFE = const(2)


class _Entry:
    """One message. It is kept as its line of the file, the smallest form there is."""

    def __init__(self, rank: int, line: bytes, due_ms: int, on_file: int) -> None:
        self.rank = rank
        self.line = line
        self.due_ms = due_ms
        self.sent_ms: int | None = None  # uptime of the last send that may still be answered
        self.tries = 0
        self.on_file = on_file

    @property
    def id(self) -> str:
        """The message's id, out of its line: sixty ids beside their lines would take the room of ten lines."""
        # Inside a text of the message a quote has a backslash in front, so this is the name and nothing else.
        start = self.line.find(b'"', self.line.find(b'"id":') + 5) + 1
        return str(self.line[start : self.line.find(b'"', start)], "utf-8")


class Outbox:
    """The store. `ids` tells which messages are of this boot."""

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids
        self._entries: list[_Entry] = []  # in order of arrival
        self._broken = False
        self._changes = 0  # of what the file should hold
        self._changes_written = 0  # up to here by the last dump
        self._changes_saved = 0
        self._gone: list[str] = []  # ids on the file that are no longer held
        self._gone_written = 0  # of them by the last dump
        self._counts_saved = (0, 0)  # drops and damaged lines as the file tells them
        self._counts_written = (0, 0)
        self.drops = 0  # messages given up without a receipt, ever
        self.refusals = 0  # of them, in this boot, because our own encoder refused them
        self.damaged = 0  # lines of the file that could not be read, ever

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def pending_save(self) -> bool:
        """Whether something waits for the file before it may be sent."""
        return not self._broken and bool([entry for entry in self._entries if entry.on_file != _SAFE])

    @property
    def stale(self) -> bool:
        """Whether the file differs from what is held. Receipts may wait: a lost one costs a duplicate, nothing else."""
        return self._changes != self._changes_saved

    @property
    def aside(self) -> int:
        """Entries that were sent TRIES_MAX times without a receipt."""
        return len([entry for entry in self._entries if entry.tries >= _TRIES_MAX])

    def held(self, kind: str) -> "list[dict[str, object]]":
        """The fields of all messages of a kind."""
        return [_open(entry.line)[1] for entry in self._entries if entry.rank == _OF_KIND[kind]]

    def add(self, kind: str, fields: dict[str, object], now: int) -> list[str]:
        """Keep a message (with `id`, `t`, `u`; without `v`, `s`). Returns the ids that were dropped to make room."""
        known = {name: fields[name] for name in fields if fields[name] is not None}
        return self._keep(_Entry(importance(kind, fields), pack([kind, known]), now, _NEW))

    def _keep(self, entry: _Entry) -> list[str]:
        self._entries.append(entry)
        if entry.on_file != _SAFE:
            self._changes += 1
        if entry.rank == _DAY:
            rivals = [one for one in self._entries if one.rank == _DAY]
            most = DAYS_MAX
        else:
            rivals = [one for one in self._entries if one.rank != _DAY]
            most = ENTRIES_MAX
        if len(rivals) <= most:
            return []
        worst = max([one.rank for one in rivals])
        victim = next(one for one in rivals if one.rank == worst)
        self._entries.remove(victim)
        self._forget(victim)
        self.drops += 1
        self._changes += 1
        return [victim.id]

    # Sending.

    def due(self, now: int, room: int = WINDOW) -> "Iterator[tuple[str, str, dict[str, object]]]":
        """(id, kind, fields with `s`) of what is to be sent now, the most important first; each counts as sent.

        One after the other: the fields of a whole window beside their payloads are more than a small heap can spare.

        Only sends of the last 10 s fill the window: what is never receipted blocks nothing. A new press always goes.
        """
        ready = [
            # The place decides between equals: sorting is not stable on MicroPython.
            (one.tries >= _TRIES_MAX, one.rank, place, one)
            for place, one in enumerate(self._entries)
            if one.due_ms <= now and (one.on_file == _SAFE or self._broken)
        ]
        ready.sort()
        room = min(room, WINDOW - len([one for one in self._entries if _in_flight(one, now)]))
        for _, _, _, entry in ready:
            if room <= 0 and (entry.rank != _PRESS or entry.tries):
                continue
            room -= 1
            kind, fields = _open(entry.line)
            message_id = entry.id
            fields["s"] = now if self._ids.is_this_boot(message_id) else None
            fields.setdefault("t", None)  # absent and null are the same in the file; on the wire it must be there
            entry.tries += 1
            entry.sent_ms = now
            entry.due_ms = now + _wait(entry.tries)
            yield message_id, kind, fields

    def unsent(self, ids: list[str], now: int) -> None:
        """The link broke before these went out: due again, and the try does not count."""
        for entry in self._entries:
            if entry.id in ids and entry.sent_ms is not None:
                entry.tries -= 1
                entry.sent_ms = None
                entry.due_ms = now

    def link_up(self, now: int) -> None:
        """A new session: what was sent into the old one is due again. Entries that stepped aside keep their hour."""
        for entry in self._entries:
            entry.sent_ms = None
            if entry.tries < _TRIES_MAX:
                entry.due_ms = min(entry.due_ms, now)

    def receipt(self, ids: list[str], now: int) -> int:
        """Forget what the cloud has committed. Returns how many that were; unknown ids are of old duplicates."""
        kept: list[_Entry] = []
        for entry in self._entries:
            if entry.id in ids:
                self._forget(entry)
            else:
                kept.append(entry)
        gone = len(self._entries) - len(kept)
        self._entries = kept
        if gone:
            self._changes += 1
        return gone

    def _forget(self, entry: _Entry) -> None:
        if entry.on_file != _NEW:
            self._gone.append(entry.id)

    def refused(self, message_id: str, now: int) -> None:
        """Our own encoder refuses this message: it can never be sent. Dropped and counted."""
        dropped = self.receipt([message_id], now)
        self.drops += dropped
        self.refusals += dropped

    # The file.

    @property
    def size(self) -> int:
        """Bytes of a file that holds what is held and nothing else, but for its first line."""
        return sum([len(entry.line) for entry in self._entries])

    def dump_lines(self) -> list[bytes]:
        """The file, line by line. `saved` or `save_failed` must follow; what is added meanwhile waits for the next."""
        self._begin()
        return [pack({"drops": self.drops, "damaged": self.damaged})] + [entry.line for entry in self._entries]

    def news_lines(self) -> list[bytes]:
        """What the file lacks, to be put at its end; as with a dump, `saved` or `save_failed` must follow."""
        # What is gone comes first, so that a reader never holds more than the outbox did.
        parts = range(0, len(self._gone), _GONE_A_LINE)
        out = [pack({"gone": self._gone[at : at + _GONE_A_LINE]}) for at in parts]
        out += [entry.line for entry in self._entries if entry.on_file == _NEW]
        self._begin()
        drops, damaged = self.drops - self._counts_saved[0], self.damaged - self._counts_saved[1]
        if drops or damaged:
            out.append(pack({"drops": drops, "damaged": damaged}))  # whoever reads the file adds them up
        return out

    def _begin(self) -> None:
        for entry in self._entries:
            if entry.on_file == _NEW:
                entry.on_file = _WRITING
        self._changes_written = self._changes
        self._gone_written = len(self._gone)
        self._counts_written = (self.drops, self.damaged)

    def dump(self) -> bytes:
        """The file as one."""
        return b"".join(self.dump_lines())

    def saved(self) -> None:
        """The last dump is safely on storage."""
        for entry in self._entries:
            if entry.on_file == _WRITING:
                entry.on_file = _SAFE
        self._changes_saved = self._changes_written
        self._gone = self._gone[self._gone_written :]
        self._gone_written = 0
        self._counts_saved = self._counts_written
        self._broken = False

    def save_failed(self) -> None:
        """Storage refuses: from now on, and until a save succeeds, messages go out unsaved."""
        self._broken = True
        for entry in self._entries:
            if entry.on_file == _WRITING:
                entry.on_file = _NEW

    def load(self, source: "bytes | Iterable[bytes]", now: int) -> int:
        """Take over the messages of a file (its bytes, or its lines). Returns how many lines were damaged."""
        lines = source.split(b"\n") if isinstance(source, bytes) else source
        damaged = 0
        for line in lines:
            if not line.strip():
                continue
            if not self._load_line(line, now):
                damaged += 1
        self._counts_saved = (self.drops, self.damaged)
        self.damaged += damaged
        if damaged:
            self._changes += 1
        return damaged

    def _load_line(self, line: bytes, now: int) -> bool:
        value = unpack(line)
        if isinstance(value, dict):
            self.drops += _count(value.get("drops"))
            self.damaged += _count(value.get("damaged"))
            gone = value.get("gone")
            if isinstance(gone, list):
                self._entries = [entry for entry in self._entries if entry.id not in gone]
            return True
        if not isinstance(value, list) or len(value) != 2:
            return False
        kind, fields = value
        if not isinstance(kind, str) or kind not in _OF_KIND or not isinstance(fields, dict):
            return False
        found = _Entry(importance(kind, fields), line.rstrip(b"\r\n") + b"\n", now, _SAFE)
        if found.id != fields.get("id"):
            return False  # no id that a receipt could name
        if found.id not in [entry.id for entry in self._entries]:
            self._keep(found)
        return True


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _in_flight(entry: _Entry, now: int) -> bool:
    return entry.sent_ms is not None and now - entry.sent_ms < _RESEND_FIRST_MS


def _wait(tries: int) -> int:
    """Ms until the next send after this many."""
    if tries >= _TRIES_MAX:
        return _ASIDE_MS
    return min(_RESEND_FIRST_MS << min(tries - 1, 5), _RESEND_MOST_MS)


def _open(line: bytes) -> tuple[str, dict[str, object]]:
    """Kind and fields of a line that was packed or checked here."""
    kind, fields = json.loads(line[9:].decode("utf-8"))
    return kind, fields
