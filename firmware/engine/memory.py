"""What the station remembers over restarts, as documents in the queue's database: settings, availability, tokens, the local list."""

import json
import logging
from typing import Any

from firmware.core import events as ev
from firmware.core.local_list import EMPTY, LocalList
from firmware.core.profile_store import ProfileStore
from firmware.core.profiles import Profile, profile_row, row_profile
from firmware.core.reservations import Reservations
from firmware.core.rows import row_token, token_row
from firmware.core.settings import BY_ID, BadSetting, Settings
from firmware.core.station import Station
from firmware.core.tokens import TokenCache
from firmware.core.values import Reservation, Token, TokenInfo, Verdict
from firmware.engine.journal import Change
from offline_queue import Queue

log = logging.getLogger(__name__)

SETTINGS = "setting"
AVAILABILITY = "availability"
TOKENS = "token"
LIST = "list"
LIST_VERSION = "list-version"
RESERVATIONS = "reservation"
PROFILES = "profile"
STATION = "station"


def setting(event: ev.SettingChanged) -> Change:
    """A setting's new value."""
    return Change(put={(SETTINGS, event.setting): event.text.encode()})


def availability(event: ev.AvailabilityChanged) -> Change:
    """A requested availability."""
    return Change(put={(AVAILABILITY, str(event.evse)): b"1" if event.operative else b"0"})


def token(event: ev.TokenLearned) -> Change:
    """What the cache learned or dropped."""
    key = (TOKENS, event.token.value.casefold())
    if event.info is None:
        return Change(delete=(key,))
    return Change(put={key: _packed([*_known_row(event.token, event.info), event.number])})


def token_list(event: ev.TokenListChanged) -> Change:
    """A change of the local list, with its version: all of it or nothing is written."""
    put: dict[tuple[str, str], bytes] = {(STATION, LIST_VERSION): str(event.version).encode()}
    delete: dict[tuple[str, str], None] = {}
    for who, info in event.changes:
        key = (LIST, f"{who.type.value}/{who.value.casefold()}")
        if info is None:
            put.pop(key, None)
            delete[key] = None
        else:
            delete.pop(key, None)
            put[key] = _packed(_known_row(who, info))
    return Change(put=put, delete=tuple(delete))


def reservation(event: ev.ReservationMade | ev.ReservationEnded) -> Change:
    """A reservation that was made, or is over."""
    held = event.reservation
    key = (RESERVATIONS, str(held.id))
    if isinstance(event, ev.ReservationEnded):
        return Change(delete=(key,))
    return Change(
        put={key: _packed([held.id, held.evse, token_row(held.token), token_row(held.group), held.expires_s])}
    )


def profile(event: ev.ProfileInstalled | ev.ProfileRemoved) -> Change:
    """A charging profile that is kept, or is no longer."""
    if isinstance(event, ev.ProfileRemoved):
        return Change(delete=((PROFILES, str(event.number)),))
    return Change(put={(PROFILES, str(event.profile.id)): _packed(profile_row(event.profile))})


def _packed(row: list[Any] | dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode()


def _known_row(who: Token, info: TokenInfo) -> list[Any]:
    return [token_row(who), info.verdict.value, token_row(info.group), info.expires_s]


def _row_known(row: list[Any]) -> tuple[Token, TokenInfo]:
    who = row_token(row[0])
    if who is None:
        raise ValueError("no token")
    return who, TokenInfo(Verdict(row[1]), row_token(row[2]), row[3])


async def load_settings(queue: Queue, initial: dict[str, str]) -> Settings:
    """The settings: what was stored wins over what the configuration gives. A stored value that no longer fits is left out."""
    values = dict(initial)
    for name, data in (await queue.items(SETTINGS)).items():
        text = data.decode()
        try:
            BY_ID[name].parse(text)
        except (KeyError, BadSetting) as error:
            log.warning("stored setting ignored setting=%s error=%s", name, error)
            continue
        values[name] = text
    return Settings(values)


async def recall(
    queue: Queue, station: Station, *, local_list: bool = True, reservations: bool = True, profiles: bool = True
) -> None:
    """Put back what was remembered about availability and tokens, and about what else the station does."""
    for name, data in (await queue.items(AVAILABILITY)).items():
        operative = data == b"1"
        if name == "0":
            station.context.operative = operative
        elif int(name) in station.evses:
            station.evses[int(name)].operative = operative
    await _recall_cache(queue, station.desk.cache)
    if local_list:
        await _recall_list(queue, station.desk.local_list)
    if reservations:
        await _recall_reservations(queue, station.reservations)
    if profiles:
        await _recall_profiles(queue, station.limits.profiles)


async def _recall_cache(queue: Queue, cache: TokenCache) -> None:
    found: list[tuple[int, Token, TokenInfo]] = []
    for data in (await queue.items(TOKENS)).values():
        try:
            row = json.loads(data)
            found.append((row[4] if len(row) > 4 else 0, *_row_known(row)))
        except (ValueError, TypeError, LookupError) as error:
            log.warning("cached token ignored error=%s", error)
    found.sort(key=lambda item: item[0])
    for _, who, info in found:
        cache.learn(who, info)
    cache.learned = found[-1][0] if found else 0


async def _recall_list(queue: Queue, local_list: LocalList) -> None:
    """A damaged entry costs the version: the central system sees that its list is not here and tells it again."""
    entries: list[tuple[Token, TokenInfo]] = []
    version = await queue.get(STATION, LIST_VERSION)
    whole = True
    for data in (await queue.items(LIST)).values():
        try:
            entries.append(_row_known(json.loads(data)))
        except (ValueError, TypeError, LookupError) as error:
            log.warning("entry of the local list ignored error=%s", error)
            whole = False
    local_list.restore(int(version) if version is not None and whole else EMPTY, entries)


async def _recall_reservations(queue: Queue, reservations: Reservations) -> None:
    found: list[Reservation] = []
    for data in (await queue.items(RESERVATIONS)).values():
        try:
            number, evse, who, group, expires_s = json.loads(data)
            token = row_token(who)
        except (ValueError, TypeError, LookupError) as error:
            log.warning("reservation ignored error=%s", error)
            continue
        if token is not None:
            found.append(Reservation(number, evse, token, row_token(group), expires_s))
    reservations.restore(found)


async def _recall_profiles(queue: Queue, profiles: ProfileStore) -> None:
    found: list[Profile] = []
    for data in (await queue.items(PROFILES)).values():
        try:
            found.append(row_profile(json.loads(data)))
        except ValueError as error:
            log.warning("charging profile ignored error=%s", error)
    profiles.restore(found)
