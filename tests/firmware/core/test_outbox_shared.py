"""The outbox: nothing forgotten without a receipt, nothing sent before it is stored, emergencies first."""

from firmware.core import outbox as box
from firmware.core.ids import IdSource
from firmware.core.outbox import Outbox
from protocol import messages

EPOCH = "0123abcd"


class Rig:
    """An outbox with a file that always works."""

    def __init__(self, boot: int = 1) -> None:
        self.ids = IdSource(EPOCH, boot)
        self.box = Outbox(self.ids)
        self.now = 50_000

    def add(self, kind: str = "call", ev: str | None = None) -> str:
        """A message of a kind, saved."""
        message_id = self.ids.next()
        fields: dict[str, object] = {"id": message_id, "t": None, "u": self.now, "ref": None}
        if ev is not None:
            fields["ev"] = ev
        self.box.add(kind, fields, self.now)
        return message_id

    def save(self) -> bytes:
        """Write the file."""
        blob = self.box.dump()
        self.box.saved()
        return blob

    def due(self) -> list[str]:
        """The ids that are due, in order."""
        return [one[0] for one in self.box.due(self.now)]


def test_nothing_is_sent_before_it_is_stored() -> None:
    """A power cut between the two must not lose what the cloud has never seen."""
    rig = Rig()
    first = rig.add()
    assert rig.box.pending_save
    assert rig.due() == []
    rig.box.dump()
    second = rig.add()
    rig.box.saved()
    assert rig.box.pending_save
    assert rig.due() == [first]
    rig.save()
    assert rig.due() == [second]
    assert not rig.box.stale


def test_broken_storage_does_not_hold_a_press() -> None:
    """Flash wears out; the press leaves all the same."""
    rig = Rig()
    press = rig.add("press")
    rig.box.dump()
    rig.box.save_failed()
    assert rig.due() == [press]
    assert not rig.box.pending_save
    later = rig.add()
    assert rig.due() == [later]
    rig.save()
    assert not rig.box.stale


def test_emergencies_go_first() -> None:
    """Whatever came before them."""
    rig = Rig()
    day, boot, event = rig.add("day"), rig.add("boot"), rig.add("event", "mains_lost")
    call, press = rig.add("call"), rig.add("press")
    result, ladder = rig.add("result"), rig.add("event", "ladder_exhausted")
    rig.save()
    first = rig.due()
    rig.box.receipt(first, rig.now)  # which lets the rest go
    assert first + rig.due() == [press, call, ladder, result, boot, event, day]


def test_an_entry_is_forgotten_by_its_receipt_only() -> None:
    """A second receipt, or one for something unknown, changes nothing."""
    rig = Rig()
    one, two = rig.add(), rig.add()
    rig.save()
    rig.due()
    assert rig.box.receipt([one, "0123abcd.0.9"], rig.now) == 1
    assert rig.box.receipt([one], rig.now) == 0
    assert len(rig.box) == 1
    assert rig.box.stale
    assert two.encode() in rig.save()


def test_it_is_resent_after_10_20_40_up_to_300_seconds_for_ever() -> None:
    """After twenty tries it steps aside: once an hour, after everything else, and counted."""
    rig = Rig()
    rig.add()
    rig.save()
    waits: list[int] = []
    last = rig.now
    while len(waits) < 25:
        if rig.due():
            waits.append((rig.now - last) // 1_000)
            last = rig.now
        rig.now += 1_000
    assert waits[:8] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert waits[20:] == [3_600] * 5
    assert rig.box.aside == 1


def test_what_is_never_receipted_blocks_nobody() -> None:
    """The window empties after ten seconds; a press does not wait even for that."""
    rig = Rig()
    poison = [rig.add() for _ in range(20)]
    rig.save()
    assert rig.due() == poison[: box.WINDOW]
    assert rig.due() == []
    press = rig.add("press")
    rig.save()
    assert rig.due() == [press]
    rig.now += 10_000
    more = rig.due()
    assert len(more) >= box.WINDOW - 1


def test_s_is_the_uptime_of_the_send_or_null_for_an_earlier_boot() -> None:
    """Uptimes of two boots have nothing to do with each other."""
    old = Rig(1)
    press = old.add("press")
    blob = old.save()
    new = Rig(2)
    assert new.box.load(blob, 0) == 0
    call = new.add()
    new.save()
    new.now = 77_000
    found = {one[0]: one[2]["s"] for one in new.box.due(new.now)}
    assert found == {press: None, call: 77_000}


def test_a_new_session_makes_everything_due_but_what_stepped_aside() -> None:
    """What went into the old session may never have arrived."""
    rig = Rig()
    one = rig.add()
    rig.save()
    rig.due()
    rig.now += 1_000
    rig.box.link_up(rig.now)
    assert rig.due() == [one]
    rig.box.unsent([one], rig.now)
    assert rig.due() == [one]


def test_a_full_box_drops_the_least_important_oldest_and_counts() -> None:
    """Never a press while anything else can go; days have a place of their own."""
    rig = Rig()
    first_event = rig.add("event", "mains_lost")
    presses = [rig.add("press") for _ in range(box.ENTRIES_MAX - 2)]
    second_event = rig.add("event", "mains_back")
    day = rig.add("day")
    assert rig.box.drops == 0
    presses.append(rig.add("press"))
    presses.append(rig.add("press"))
    assert rig.box.drops == 2
    rig.add("event", "mains_lost")
    assert rig.box.drops == 3
    blob = rig.save()
    for gone in (first_event, second_event):
        assert ('"%s"' % gone).encode() not in blob
    for kept in presses + [day]:  # noqa: RUF005, MicroPython unpacks no lists
        assert ('"%s"' % kept).encode() in blob
    for _ in range(box.DAYS_MAX):
        rig.add("day")
    assert ('"%s"' % day).encode() not in rig.save()
    assert len(rig.box) == box.ENTRIES_MAX + box.DAYS_MAX
    assert rig.box.drops == 4


def test_a_message_that_our_encoder_refuses_is_dropped_and_counted() -> None:
    """It could never be sent."""
    rig = Rig()
    one = rig.add()
    rig.box.refused(one, rig.now)
    assert (len(rig.box), rig.box.drops) == (0, 1)


def test_a_torn_file_loses_its_torn_lines_only() -> None:
    """Cut at every length, and with a byte changed at every place."""
    rig = Rig()
    ids = [rig.add("press"), rig.add("call"), rig.add("day")]
    blob = rig.save()
    lines = blob.split(b"\n")
    for cut in range(len(blob) + 1):
        new = Rig(2)
        new.box.load(blob[:cut], 0)
        whole = [line for line in blob[:cut].split(b"\n") if line in lines]
        assert len(new.box) == len([one for one in ids if [line for line in whole if one.encode() in line]])
    for place in range(0, len(blob), 3):
        broken = blob[:place] + bytes([blob[place] ^ 0x15]) + blob[place + 1 :]
        new = Rig(2)
        assert new.box.load(broken, 0) >= 1
        assert new.box.damaged >= 1
        # A damaged line end takes both of its neighbours.
        assert len(new.box) >= len(ids) - 2


def test_drops_and_damage_are_counted_across_restarts() -> None:
    """The cloud is told of every loss, ever."""
    rig = Rig()
    rig.box.refused(rig.add(), rig.now)
    new = Rig(2)
    new.box.load(rig.save() + b"rubbish\n", 0)
    third = Rig(3)
    third.box.load(new.save(), 0)
    assert (third.box.drops, third.box.damaged) == (1, 1)


def test_a_message_from_before_the_clock_was_set_keeps_its_t_as_null() -> None:
    """On the wire it must be there: an encoder that misses it would refuse the press."""
    rig = Rig()
    press = rig.ids.next()
    rig.box.add("press", {"id": press, "t": None, "u": 1, "key": "sos", "hold": 700, "how": "hold"}, rig.now)
    blob = rig.save()
    for box_ in (rig.box, Outbox(IdSource(EPOCH, 2))):
        if box_ is not rig.box:
            box_.load(blob, 0)
        _, kind, fields = next(box_.due(rig.now))
        assert fields["t"] is None
        assert messages.decode("up", kind, messages.encode("up", kind, fields))["id"] == press
