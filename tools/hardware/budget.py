"""Power budget: what the terminal draws, what a day on battery takes, how far the supply sags in a burst.

In: the firmware's own times, figures of data sheets (D) and assumptions (A), each marked. Out: numbers and a table.
Must never pass an assumption off as a measurement: none of this was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware.app.config import SHIPPED
from firmware.net.mqtt import PING_MS

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
DAY_H = 24


@dataclass(frozen=True)
class Draw:
    """One load, referred to the cell (the regulator is linear: the current of 3.3 V is the current of the cell)."""

    what: str
    ma: float
    seconds: float  # of a day
    basis: str  # D: data sheet, typical; A: assumed; F: the firmware's own time with an assumed length
    why: str

    @property
    def mah(self) -> float:
        """Of a day."""
        return self.ma * self.seconds / HOUR_S


@dataclass(frozen=True)
class Ohm:
    """A part of the way from the cell to the modem, milliohm."""

    what: str
    milliohm: float
    basis: str


BEAT_S = float(str(SHIPPED["hb"]))
PING_S = PING_MS / 1_000  # an idle link is asked
SEND_S = 3.0  # of transmitting and waiting at the cell for each of them
TALK_S = 1_800  # of a day with an alarm: the ladder and a long talk

MODEM_IDLE_MA = 17.4
MODEM_SLEEP_MA = 1.1
CHIP_MA = 50.0
CHIP_SLEEP_MA = 2.0
GPRS_MA = 250.0
CALL_MA = 240.0

ALWAYS = (
    Draw("modem, registered, no sleep", MODEM_IDLE_MA, DAY_S, "D", "SIM800 series, idle; the firmware never sleeps it"),
    Draw("chip, radio off, 160-240 MHz", CHIP_MA, DAY_S, "D", "ESP32: 27 to 68 mA by clock and load; 50 taken"),
    Draw("lamp: controller and a dim colour", 3.0, DAY_S, "A", "1 mA controller, the rest light at low duty"),
    Draw("charger, regulator, switch, USB-UART asleep", 0.5, DAY_S, "D", "0.06 + 0.03 + 0.05 + 0.2, rounded up"),
    Draw("dividers and pull-ups", 0.1, DAY_S, "D", "two dividers of 200 k, strapping"),
)
TRAFFIC = (
    Draw("heartbeats", GPRS_MA, SEND_S * DAY_S / BEAT_S, "F", "GPRS 4+1 at full power, 3 s each 10 min"),
    Draw("pings of an idle link", GPRS_MA, SEND_S * DAY_S / PING_S, "F", "3 s each 4 min"),
    Draw("cell changes, location updates", CALL_MA, 60, "A", "a minute a day"),
)
ALARM = (
    Draw("voice at full power", CALL_MA, TALK_S, "D", "EGSM 900, PCL 5: the edge of coverage"),
    Draw("loudspeaker at full volume", 120.0, TALK_S, "A", "a third of its 0.87 W on average"),
    Draw("buzzer and lamp bright", 60.0, 300, "A", "five minutes of tones"),
)
ASLEEP = (
    Draw("modem, AT+CSCLK=1", MODEM_SLEEP_MA, DAY_S, "D", "paging every 5 multiframes"),
    Draw("chip, light sleep", CHIP_SLEEP_MA, DAY_S, "A", "0.8 mA and waking for keys and heartbeats"),
    ALWAYS[3], ALWAYS[4], TRAFFIC[0], TRAFFIC[1], TRAFFIC[2],
)  # fmt: skip

CELL_MAH = 3_350
AGED = 0.80  # of its capacity after three years at a full charge
COLD = 0.90  # at 0 to 5 degrees, an unheated room
USABLE = 0.93  # down to 3.45 V at rest, where the firmware stops data and keeps calls
WANTED_H = 24

WAY = (
    Ohm("cell, 18650 of 3.35 Ah, DC", 38, "A"),
    Ohm("protection board in the pack", 25, "A"),
    Ohm("leads 100 mm and XH plug", 16, "A"),
    Ohm("fuse 4 A 1206", 14, "D"),
    Ohm("charger, cell to SYS", 20, "D"),
    Ohm("load switch", 16, "D"),
    Ohm("copper, 2 mm wide at least, and ground", 12, "A"),
)
WAY_MILLIOHM = 150  # SIM800C: source and traces together
BURST_A = 2.0
SAG_MV = 350
MODEM_LEAST_MV = 3_400


def mah(draws: tuple[Draw, ...]) -> float:
    """Of a day."""
    return sum(draw.mah for draw in draws)


def usable_mah() -> float:
    """What an old cell gives in a cold room before data stops."""
    return CELL_MAH * AGED * COLD * USABLE


def hours(day: tuple[Draw, ...], alarm: tuple[Draw, ...] = ()) -> float:
    """How long an old, cold cell lasts: an alarm's charge is set aside first."""
    return (usable_mah() - mah(alarm)) / (mah(day) / DAY_H)


def needed_mah() -> float:
    """The new cell's capacity for a day with an alarm in it."""
    return (mah(ALWAYS + TRAFFIC) * WANTED_H / DAY_H + mah(ALARM)) / (AGED * COLD * USABLE)


def sag_mv() -> float:
    """How far the modem's supply drops in a burst. The capacitors hold for 0.1 ms, a burst lasts 0.6: no help here."""
    return BURST_A * sum(part.milliohm for part in WAY)


def _rows(draws: tuple[Draw, ...]) -> list[str]:
    return [f"| {d.what} | {d.ma:g} | {d.seconds / HOUR_S:.2f} | {d.mah:.0f} | {d.basis} | {d.why} |" for d in draws]


def _table(title: str, draws: tuple[Draw, ...]) -> list[str]:
    head = ["", f"### {title}", "", "| load | mA | h a day | mAh | basis | why |", "|---|---|---|---|---|---|"]
    return [*head, *_rows(draws), f"| **sum** | | | **{mah(draws):.0f}** | | |"]


def _life() -> list[str]:
    day = ALWAYS + TRAFFIC
    new = CELL_MAH * USABLE / (mah(day) / DAY_H)
    return [
        "", "### How long it lasts", "",
        "| case | hours |", "|---|---|",
        f"| new cell of {CELL_MAH} mAh, warm, no alarm | {new:.0f} |",
        f"| aged {AGED:g}, cold {COLD:g}, no alarm | {hours(day):.0f} |",
        f"| aged, cold, {TALK_S // 60} min of alarm and talk | **{hours(day, ALARM):.0f}** |",
        f"| the same with modem and chip asleep, **which the firmware does not do** | {hours(ASLEEP, ALARM):.0f} |",
        "",
        f"Wanted: {WANTED_H} h. A new cell needs {needed_mah():.0f} mAh for that; {CELL_MAH} is listed.",
        f"2,000 mAh would last {2_000 * AGED * COLD * USABLE / mah(day) * DAY_H:.0f} h without any alarm: not enough.",
    ]  # fmt: skip


def _burst() -> list[str]:
    return [
        "", "### From the cell to the modem", "", "| part | milliohm | basis |", "|---|---|---|",
        *(f"| {part.what} | {part.milliohm:g} | {part.basis} |" for part in WAY),
        f"| **sum** | **{sum(part.milliohm for part in WAY):g}** of {WAY_MILLIOHM} allowed | |",
        "",
        f"A burst of {BURST_A:g} A sags by {sag_mv():.0f} mV ({SAG_MV} allowed). At full power the cell must show",
        f"{MODEM_LEAST_MV + sag_mv():.0f} mV for the modem to keep {MODEM_LEAST_MV} mV in a burst; at good coverage it",
        "sends with far less. Below that a call at the edge of coverage may end in a restart of the module, and then",
        "the firmware dials again and reports `modem_restarted`.",
    ]  # fmt: skip


def text() -> str:
    """The tables, as they stand in power.md."""
    blocks = [
        *_table("Always", ALWAYS), *_table("Traffic", TRAFFIC), *_table("A day with an alarm, besides", ALARM),
        *_life(), *_burst(),
    ]  # fmt: skip
    return "\n".join(blocks).strip() + "\n"
