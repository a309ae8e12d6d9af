"""All SQL of the elders room. A value that cannot be unsealed is left out and counted: it must never stop a press."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from cloud.elders.models import CARE_LEVELS, Contact, Elder, Household, PersonFacts
from cloud.sealed import SealBroken

if TYPE_CHECKING:
    from datetime import date, datetime

    from cloud.db import Conn
    from cloud.sealed import Box

CONTACTS_MAX = 8  # no ladder is longer
ELDERS_MAX = 4  # of one home, as the desk can read at a glance


async def home_of_device(conn: Conn, device_id: str) -> uuid.UUID | None:
    """The home in which the terminal is installed now."""
    cursor = await conn.execute(
        "select home_id from installation where device_id = %(device_id)s and removed_on is null",
        {"device_id": device_id},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def homes_of_devices(conn: Conn, device_ids: list[str]) -> dict[str, uuid.UUID]:
    """The homes in which these terminals are installed now."""
    cursor = await conn.execute(
        "select device_id, home_id from installation where device_id = any(%(device_ids)s) and removed_on is null",
        {"device_ids": device_ids},
    )
    return dict(await cursor.fetchall())


async def household(conn: Conn, box: Box, home_id: uuid.UUID) -> Household | None:
    """One home with its people, unsealed."""
    found = await households(conn, box, [home_id])
    return found.get(home_id)


async def households(conn: Conn, box: Box, home_ids: list[uuid.UUID]) -> dict[uuid.UUID, Household]:
    """Several homes with their people, unsealed."""
    cursor = await conn.execute(
        """
        select h.home_id, h.street_code, s.name, h.community, h.address_sealed, h.lives_alone
        from home h join street s using (street_code)
        where h.home_id = any(%(home_ids)s)
        """,
        {"home_ids": home_ids},
    )
    homes = await cursor.fetchall()
    elders = await _elders(conn, home_ids)
    contacts = await _contacts(conn, home_ids)
    found = {}
    for home_id, street_code, street, community, address, alone in homes:
        opener = _Opener(box)
        found[home_id] = Household(
            home_id=home_id,
            street_code=street_code,
            street=street,
            community=community,
            address=opener.text(address) or "",
            lives_alone=alone,
            elders=tuple(
                Elder(name=opener.text(name) or "", phone=opener.text(phone)) for name, phone in elders.get(home_id, [])
            ),
            contacts=tuple(
                Contact(label=label, number=text)
                for label, number in contacts.get(home_id, [])
                if (text := opener.text(number)) is not None
            ),
            unreadable=opener.unreadable,
        )
    return found


async def places(conn: Conn, device_ids: list[str]) -> dict[str, str]:
    """Street and community of terminals, as text for a list; nothing personal."""
    cursor = await conn.execute(
        """
        select i.device_id, s.name || ' · ' || h.community
        from installation i join home h using (home_id) join street s using (street_code)
        where i.removed_on is null and i.device_id = any(%(device_ids)s)
        """,
        {"device_ids": device_ids},
    )
    return dict(await cursor.fetchall())


async def add_home(
    conn: Conn,
    box: Box,
    home_id: uuid.UUID,
    *,
    street_code: str,
    community: str,
    address: str,
    lives_alone: bool,
    now: datetime,
) -> bool:
    """Add a home; False where it is there already."""
    cursor = await conn.execute(
        """
        insert into home (home_id, street_code, community, address_sealed, lives_alone, created_at)
        values (%(home_id)s, %(street_code)s, %(community)s, %(address)s, %(lives_alone)s, %(now)s)
        on conflict (home_id) do nothing
        """,
        {
            "home_id": home_id,
            "street_code": street_code,
            "community": community,
            "address": box.seal(address),
            "lives_alone": lives_alone,
            "now": now,
        },
    )
    return cursor.rowcount == 1


async def add_elder(
    conn: Conn,
    box: Box,
    elder_id: uuid.UUID,
    *,
    home_id: uuid.UUID,
    elder: Elder,
    now: datetime,
    facts: PersonFacts | None = None,
) -> bool:
    """Add a person to a home; False where she is there already."""
    birth, care = sealed_facts(box, facts or PersonFacts())
    cursor = await conn.execute(
        """
        insert into elder (elder_id, home_id, name_sealed, phone_sealed, phone_hash, birth_sealed, care_sealed,
            created_at)
        values (%(elder_id)s, %(home_id)s, %(name)s, %(phone)s, %(phone_hash)s, %(birth)s, %(care)s, %(now)s)
        on conflict (elder_id) do nothing
        """,
        {
            "birth": birth,
            "care": care,
            "elder_id": elder_id,
            "home_id": home_id,
            "name": box.seal(elder.name),
            "phone": box.seal(elder.phone) if elder.phone else None,
            "phone_hash": box.digest(elder.phone) if elder.phone else None,
            "now": now,
        },
    )
    return cursor.rowcount == 1


def sealed_facts(box: Box, facts: PersonFacts) -> tuple[bytes | None, bytes | None]:
    """For the columns birth_sealed and care_sealed; null where nothing is known."""
    care = {"level": facts.care_level, "notes": facts.care_notes}
    known = {name: value for name, value in care.items() if value}
    return (
        box.seal(facts.birth) if facts.birth else None,
        box.seal(json.dumps(known, ensure_ascii=False)) if known else None,
    )


def open_facts(box: Box, birth: bytes | None, care: bytes | None) -> PersonFacts:
    """Of those two columns. What cannot be read is not known."""
    born = None if birth is None else _opened(box, birth)
    known = None if care is None else _opened(box, care)
    try:
        known = json.loads(known) if known else None
    except ValueError:
        known = None
    if not isinstance(known, dict):
        return PersonFacts(birth=born)
    level = known.get("level")
    return PersonFacts(birth=born, care_level=level if level in CARE_LEVELS else None, care_notes=known.get("notes"))


def merged_facts(known: PersonFacts, newer: PersonFacts) -> PersonFacts:
    """What the newer one says, and what only the older one knew."""
    return PersonFacts(
        birth=newer.birth or known.birth,
        care_level=newer.care_level or known.care_level,
        care_notes=newer.care_notes or known.care_notes,
    )


def _opened(box: Box, blob: bytes) -> str | None:
    try:
        return box.open(blob)
    except SealBroken:
        return None


async def elders_of_devices(conn: Conn, box: Box, device_ids: list[str]) -> dict[str, list[tuple[uuid.UUID, str]]]:
    """Everybody in the homes where these terminals are now, with her name; a terminal in no home is left out."""
    cursor = await conn.execute(
        """
        select i.device_id, e.elder_id, e.name_sealed from installation i join elder e using (home_id)
        where i.removed_on is null and i.device_id = any(%(device_ids)s) order by i.device_id, e.created_at, e.elder_id
        """,
        {"device_ids": device_ids},
    )
    found: dict[str, list[tuple[uuid.UUID, str]]] = {}
    for device_id, elder_id, name in await cursor.fetchall():
        found.setdefault(device_id, []).append((elder_id, _opened(box, name) or ""))
    return found


async def renew_facts(conn: Conn, box: Box, renewed: dict[uuid.UUID, PersonFacts]) -> int:
    """Write down what is newly known of these people; what is not said anew stays. How many were changed."""
    cursor = await conn.execute(
        "select elder_id, birth_sealed, care_sealed from elder where elder_id = any(%(ids)s) for update",
        {"ids": list(renewed)},
    )
    changed = {}
    for elder_id, birth, care in await cursor.fetchall():
        known = open_facts(box, birth, care)
        facts = merged_facts(known, renewed[elder_id])
        if facts != known:
            changed[elder_id] = sealed_facts(box, facts)
    await conn.execute(
        "update elder set birth_sealed = each.birth, care_sealed = each.care"
        " from unnest(%(ids)s::uuid[], %(births)s::bytea[], %(cares)s::bytea[]) as each (id, birth, care)"
        " where elder_id = each.id",
        {
            "ids": list(changed),
            "births": [birth for birth, _ in changed.values()],
            "cares": [care for _, care in changed.values()],
        },
    )
    return len(changed)


async def add_contact(conn: Conn, box: Box, home_id: uuid.UUID, position: int, to: Contact) -> bool:
    """Add a contact at a place in the order; False where that place is taken."""
    cursor = await conn.execute(
        """
        insert into contact (home_id, position, label, number_sealed)
        values (%(home_id)s, %(position)s, %(label)s, %(number)s)
        on conflict (home_id, position) do nothing
        """,
        {"home_id": home_id, "position": position, "label": to.label, "number": box.seal(to.number)},
    )
    return cursor.rowcount == 1


async def install(conn: Conn, installation_id: uuid.UUID, device_id: str, home_id: uuid.UUID, on: date) -> bool:
    """Put a terminal into a home from a day on; False where it is in a home already."""
    cursor = await conn.execute(
        """
        insert into installation (installation_id, device_id, home_id, installed_on)
        values (%(installation_id)s, %(device_id)s, %(home_id)s, %(on)s)
        on conflict do nothing
        """,
        {"installation_id": installation_id, "device_id": device_id, "home_id": home_id, "on": on},
    )
    return cursor.rowcount == 1


async def take_out(conn: Conn, device_id: str, removed_on: date) -> bool:
    """Take a terminal out of its home, from a day on; False where it is in none."""
    cursor = await conn.execute(
        "update installation set removed_on = %(on)s where device_id = %(device_id)s and removed_on is null",
        {"device_id": device_id, "on": removed_on},
    )
    return cursor.rowcount == 1


async def knows_home(conn: Conn, home_id: uuid.UUID) -> bool:
    """Whether there is such a home."""
    cursor = await conn.execute("select from home where home_id = %(home_id)s", {"home_id": home_id})
    return await cursor.fetchone() is not None


async def terminals_of_home(conn: Conn, home_id: uuid.UUID) -> list[str]:
    """The terminals that are in a home now."""
    cursor = await conn.execute(
        "select device_id from installation where home_id = %(home_id)s and removed_on is null order by device_id",
        {"home_id": home_id},
    )
    return [row[0] for row in await cursor.fetchall()]


async def homes_at(conn: Conn, street: str, community: str | None, most: int, *, empty: bool) -> list[uuid.UUID]:
    """Homes of a street (code or name) and community; `empty`: only those without a terminal of ours."""
    cursor = await conn.execute(
        """
        select h.home_id from home h join street s using (street_code)
        where (s.street_code = %(street)s or s.name = %(street)s)
          and (%(community)s::text is null or h.community = %(community)s)
          and not (%(empty)s and exists (
              select from installation i where i.home_id = h.home_id and i.removed_on is null))
        order by h.community, h.created_at, h.home_id limit %(most)s
        """,
        {"street": street, "community": community, "most": most, "empty": empty},
    )
    return [row[0] for row in await cursor.fetchall()]


async def _elders(conn: Conn, home_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[tuple[bytes, bytes | None]]]:
    cursor = await conn.execute(
        """
        select home_id, name_sealed, phone_sealed from (
            select *, row_number() over (partition by home_id order by created_at, elder_id) as place
            from elder where home_id = any(%(home_ids)s)
        ) as e where place <= %(most)s order by home_id, place
        """,
        {"home_ids": home_ids, "most": ELDERS_MAX},
    )
    return _by_home(await cursor.fetchall())


async def _contacts(conn: Conn, home_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, bytes]]]:
    cursor = await conn.execute(
        """
        select home_id, label, number_sealed from (
            select *, row_number() over (partition by home_id order by position) as place
            from contact where home_id = any(%(home_ids)s)
        ) as c where place <= %(most)s order by home_id, place
        """,
        {"home_ids": home_ids, "most": CONTACTS_MAX},
    )
    return _by_home(await cursor.fetchall())


def _by_home(rows: list[Any]) -> dict[uuid.UUID, list[Any]]:
    grouped: dict[uuid.UUID, list[Any]] = {}
    for home_id, *rest in rows:
        grouped.setdefault(home_id, []).append(tuple(rest))
    return grouped


class _Opener:
    """Unseals what can be unsealed, and counts the rest."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.unreadable = 0

    def text(self, blob: bytes | None) -> str | None:
        if blob is None:
            return None
        try:
            return self._box.open(blob)
        except SealBroken:
            self.unreadable += 1
            return None
