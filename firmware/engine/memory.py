"""What the station remembers over restarts, as documents in the queue's database: settings, availability, tokens."""

import json
import logging

from firmware.core import events as ev
from firmware.core.rows import row_token, token_row
from firmware.core.settings import BY_ID, BadSetting, Settings
from firmware.core.station import Station
from firmware.core.values import TokenInfo, Verdict
from firmware.engine.journal import Change
from offline_queue import Queue

log = logging.getLogger(__name__)

SETTINGS = "setting"
AVAILABILITY = "availability"
TOKENS = "token"
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
    info = event.info
    row = [token_row(event.token), info.verdict.value, token_row(info.group), info.expires_s]
    return Change(put={key: json.dumps(row, separators=(",", ":")).encode()})


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


async def recall(queue: Queue, station: Station) -> None:
    """Put back what was remembered about availability and tokens."""
    for name, data in (await queue.items(AVAILABILITY)).items():
        operative = data == b"1"
        if name == "0":
            station.context.operative = operative
        elif int(name) in station.evses:
            station.evses[int(name)].operative = operative
    for data in (await queue.items(TOKENS)).values():
        try:
            who, verdict, group, expires_s = json.loads(data)
            known = row_token(who)
            info = TokenInfo(Verdict(verdict), row_token(group), expires_s)
        except (ValueError, TypeError, IndexError) as error:
            log.warning("cached token ignored error=%s", error)
            continue
        if known is not None:
            station.desk.cache.learn(known, info)
