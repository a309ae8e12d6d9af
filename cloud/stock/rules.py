"""What is right about ids, cards, codes and records. In: facts. Out: decisions, with words for the people at the bench.

Pure. A record is judged against everything that the registry knows of the things it names; every reason is told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloud.stock.models import Known, Unit

PREFIX_CHARS = (2, 8)
NUMBER_DIGITS = 6  # a million terminals of one prefix
COUNT_MAX = 5_000  # identities in one file: more than a bench makes in a month, and all lost with its laptop
ICCID_DIGITS = (19, 20)
MSISDN_DIGITS = (5, 15)

CODE_BYTES = 13  # 104 bits: nobody tries them all, once a second or on paper
CODE_GROUP = 5  # characters that are read out in one breath
# Without I, L, O and U: what a person reads aloud or writes down by hand.
_READABLE = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_AS_HEARD = str.maketrans("ILO", "110")


def is_prefix(text: str) -> bool:
    """Letters only, so that the number behind them can be told apart."""
    return PREFIX_CHARS[0] <= len(text) <= PREFIX_CHARS[1] and text.isascii() and text.isalpha() and text.isupper()


def ids(prefix: str, last: int, count: int) -> list[str]:
    """The next ids of a prefix after number `last`. Raises ValueError where they run out."""
    if last + count >= 10**NUMBER_DIGITS:
        raise ValueError(f"{prefix}: only {10**NUMBER_DIGITS - 1 - last} ids are left")
    return [f"{prefix}{number:0{NUMBER_DIGITS}d}" for number in range(last + 1, last + 1 + count)]


def iccid_fault(text: str) -> str | None:
    """What is wrong with a card's own number; None if nothing is."""
    if not (text.isascii() and text.isdigit()) or not ICCID_DIGITS[0] <= len(text) <= ICCID_DIGITS[1]:
        return f"the ICCID has {ICCID_DIGITS[0]} or {ICCID_DIGITS[1]} digits"
    return None if luhn(text) else "the ICCID's check digit is wrong"


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_msisdn(text: str) -> bool:
    """Digits only, without a country's prefix."""
    return text.isascii() and text.isdigit() and MSISDN_DIGITS[0] <= len(text) <= MSISDN_DIGITS[1]


def unlock_code(key: bytes, device_id: str, unlock_round: int) -> str:
    """What opens the console of one terminal, as a person reads it: XXXXX-XXXXX-XXXXX-XXXXX-X."""
    whole = hmac.new(key, f"{device_id} {unlock_round}".encode(), hashlib.sha256).digest()
    text = base64.b32encode(whole[:CODE_BYTES]).decode().rstrip("=").translate(_READABLE)
    return "-".join(text[at : at + CODE_GROUP] for at in range(0, len(text), CODE_GROUP))


def plain_code(typed: str) -> str:
    """A code as it was typed or heard, without what does not count."""
    return "".join(char for char in typed.upper() if char.isalnum()).translate(_AS_HEARD)


def lock_hash(code: str) -> bytes:
    """What the terminal holds of its code: 32 bytes that open nothing."""
    return hashlib.sha256(plain_code(code).encode()).digest()


def refusals(fields: dict[str, Any], known: Known) -> list[str]:
    """Why this record may not count; nothing if it may. No text holds a number or a whole ICCID."""
    device = known.device
    if device is None:
        return [f"{fields['device']} is in no reservation"]
    found = _of_identity(fields, device)
    if fields["kind"] == "accept":
        return found or _of_test(fields, device)
    return found + _of_parts(fields, known, device)


def _of_identity(fields: dict[str, Any], device: Unit) -> list[str]:
    if device.revoked_at is not None:
        return [f"{device.device_id} is revoked"]
    if device.status == "retired":
        return [f"{device.device_id} is retired"]
    if device.bench != fields["bench"]:
        whose = "of no bench" if device.bench is None else f"of bench {device.bench}"
        return [f"{device.device_id} is {whose}, not of {fields['bench']}"]
    return []


def _of_test(fields: dict[str, Any], device: Unit) -> list[str]:
    if device.mac is None:
        return [f"{device.device_id} is tested but not provisioned: its record is missing or was refused"]
    if device.mac != fields["mac"]:
        return [f"{device.device_id} is on the board {device.mac}, and the board {fields['mac']} was tested"]
    return []


def _of_parts(fields: dict[str, Any], known: Known, device: Unit) -> list[str]:
    this, found = device.device_id, []
    if device.mac is not None and device.mac != fields["mac"]:
        found.append(f"{this} is on the board {device.mac} already, and now on {fields['mac']} too")
    for what, other in (
        (f"board {fields['mac']}", known.by_mac),
        (f"serial {fields['serial']}", known.by_serial),
        (f"modem with the IMEI ending {fields['imei'][-4:]}", known.by_imei),
        (f"SIM with the ICCID ending {fields['iccid'][-4:]}", known.by_iccid),
    ):
        if other not in (None, this):
            found.append(f"the {what} belongs to {other}")
    if known.card is None:
        found.append(f"the SIM with the ICCID ending {fields['iccid'][-4:]} is not in stock: onekey sim import")
    elif known.by_msisdn not in (None, this):
        found.append(f"the number of the SIM with the ICCID ending {fields['iccid'][-4:]} belongs to {known.by_msisdn}")
    return found


def gaps(before: int, numbers: list[int]) -> list[tuple[int, int]]:
    """Stretches (first, last) of records that are missing among these, sorted, after record `before`."""
    found = []
    for number in numbers:
        if number > before + 1:
            found.append((before + 1, number - 1))
        before = max(before, number)
    return found
