"""All SQL of the providers room. A number that cannot be unsealed takes its provider out, never the press down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud.providers.models import DESK, Area, Provider, Span
from cloud.sealed import SealBroken

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from cloud.db import Conn
    from cloud.providers.models import Place
    from cloud.sealed import Box

PROVIDERS_MAX = 200  # that serve one home; a district has some hundreds in all


async def for_place(conn: Conn, box: Box, place: Place | None) -> list[Provider]:
    """Everyone who serves a place at some hour, whatever their status; without a place, the district's desks."""
    cursor = await conn.execute(
        """
        select p.provider_id, p.kind, p.service, p.label, p.number_sealed, p.ring_s, p.staffed, p.status, p.line_ok,
               p.around_the_clock,
               (select json_agg(json_build_array(a.street_code, a.community))
                from service_area a where a.provider_id = p.provider_id) as areas,
               (select json_agg(json_build_array(o.weekday, o.opens_minute, o.closes_minute))
                from opening_hours o where o.provider_id = p.provider_id) as hours
        from provider p
        where exists (
            select from service_area a where a.provider_id = p.provider_id
            and (a.street_code is null
                 or (a.street_code = %(street_code)s and (a.community is null or a.community = %(community)s)))
        ) and (%(street_code)s::text is not null or p.kind = %(desk)s)
        order by p.kind, p.label, p.provider_id
        limit %(most)s
        """,
        {
            "street_code": place.street_code if place else None,
            "community": place.community if place else None,
            "desk": DESK,
            "most": PROVIDERS_MAX,
        },
    )
    found = []
    for row in await cursor.fetchall():
        provider = _provider(row, box)
        if provider is not None:
            found.append(provider)
    return found


async def add(conn: Conn, box: Box, provider: Provider, now: datetime) -> bool:
    """Add a provider with its areas and hours; False where it is there already."""
    cursor = await conn.execute(
        """
        insert into provider (provider_id, kind, service, label, number_sealed, ring_s, staffed, status, line_ok,
                              around_the_clock, created_at)
        values (%(provider_id)s, %(kind)s, %(service)s, %(label)s, %(number)s, %(ring_s)s, %(staffed)s, %(status)s,
                %(line_ok)s, %(around_the_clock)s, %(now)s)
        on conflict (provider_id) do nothing
        """,
        {
            "provider_id": provider.provider_id,
            "kind": provider.kind,
            "service": provider.service,
            "label": provider.label,
            "number": box.seal(provider.number),
            "ring_s": provider.ring_s,
            "staffed": provider.staffed,
            "status": provider.status,
            "line_ok": provider.line_ok,
            "around_the_clock": provider.around_the_clock,
            "now": now,
        },
    )
    if cursor.rowcount == 0:
        return False
    await _add_areas(conn, provider.provider_id, provider.areas)
    await _add_hours(conn, provider.provider_id, provider.hours)
    return True


async def services(conn: Conn) -> dict[str, str]:
    """Codes and names of the services that a key can be bound to."""
    cursor = await conn.execute("select service, name from service order by service")
    return dict(await cursor.fetchall())


async def _add_areas(conn: Conn, provider_id: UUID, areas: tuple[Area, ...]) -> None:
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into service_area (provider_id, street_code, community) values (%s, %s, %s)",
            [(provider_id, area.street_code, area.community) for area in areas],
        )


async def _add_hours(conn: Conn, provider_id: UUID, hours: tuple[Span, ...]) -> None:
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into opening_hours (provider_id, weekday, opens_minute, closes_minute) values (%s, %s, %s, %s)",
            [(provider_id, span.weekday, span.opens_minute, span.closes_minute) for span in hours],
        )


def _provider(row: Any, box: Box) -> Provider | None:
    (
        provider_id,
        kind,
        service,
        label,
        sealed,
        ring_s,
        staffed,
        status,
        line_ok,
        around_the_clock,
        areas,
        hours,
    ) = row
    try:
        number = box.open(sealed)
    except SealBroken:
        return None
    return Provider(
        provider_id=provider_id,
        kind=kind,
        service=service,
        label=label,
        number=number,
        ring_s=ring_s,
        staffed=staffed,
        status=status,
        line_ok=line_ok,
        around_the_clock=around_the_clock,
        areas=tuple(Area(*area) for area in areas or ()),
        hours=tuple(Span(*span) for span in hours or ()),
    )
