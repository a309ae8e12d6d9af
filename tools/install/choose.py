"""Which home: by its id, or from a masked list of a street and community. Names in clear only for a logged reason.

In: the registry. Out: a home's id, and lines for the screen that identify a home to somebody who holds the work order.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from cloud import clock
from cloud.elders import store as elders
from cloud.elders.rules import masked_address, masked_name, masked_number
from cloud.field import store
from cloud.settings import RegistrySettings
from tools.install import ask
from tools.install.run import registry_errors
from tools.install.texts import FailedError
from tools.registry import transact

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.elders.models import Household
    from cloud.sealed import Box

LIST_MOST = 200  # homes of one community without a terminal; more are narrowed by --community
REASON_CHARS_MIN = 4


@dataclass(frozen=True)
class Wish:
    """How the technician names the home."""

    home: str | None
    street: str | None
    community: str | None
    reveal: str | None  # why names may be shown in clear
    actor: str


def home_id(text: str) -> uuid.UUID:
    """A home's id as it was typed. Raises FailedError."""
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        raise FailedError("unknown_home") from None


def choose(wish: Wish) -> uuid.UUID:
    """The home that the technician means; asks where the wish leaves a choice."""
    if wish.home:
        return home_id(wish.home)
    if not wish.street:
        typed = ask.line("住户编号，或直接回车按街道查找", optional=True)
        if typed:
            return home_id(typed)
    street = wish.street or ask.line("街道").removesuffix("街道")
    community = wish.community or ask.line("社区（回车为全街道）", optional=True)
    found = _listed(wish, street, community or None)
    if not found:
        raise FailedError("no_home")
    for number, each in enumerate(found, start=1):
        typer.echo(line(number, each, reveal=wish.reveal is not None), err=True)
    chosen: uuid.UUID = found[ask.number("选择序号", len(found)) - 1].home_id
    return chosen


def line(number: int, home: Household, *, reveal: bool) -> str:
    """One home of the list."""
    names = "、".join(each.name if reveal else masked_name(each.name) for each in home.elders) or "（无姓名）"
    phones = "、".join(each.phone if reveal else masked_number(each.phone) for each in home.elders if each.phone)
    address = home.address if reveal else masked_address()
    alone = "独居" if home.lives_alone else ""
    return f"{number:>4}  {home.street} {home.community} {address}  {names}  {phones}  {alone}  {home.home_id}"


def _listed(wish: Wish, street: str, community: str | None) -> list[Household]:
    if wish.reveal is not None and len(wish.reveal.strip()) < REASON_CHARS_MIN:
        raise FailedError("bad_answer", "--reveal")

    async def work(conn: Conn, box: Box, _settings: RegistrySettings) -> list[Household]:
        ids = await elders.homes_at(conn, street, community, LIST_MOST, empty=True)
        found = await elders.households(conn, box, ids)
        await store.log_access(
            conn,
            at=clock.now(),
            actor=wish.actor,
            what="household_list",
            reason=wish.reveal or "masked list for an installation",
            rows=len(ids),
            revealed=wish.reveal is not None,
        )
        return [found[each] for each in ids if each in found]

    with registry_errors():
        return transact(RegistrySettings, work)
