"""The charging profiles that are installed, and which of them replaces which."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from firmware.core.events import ProfileInstalled, ProfileRemoved
from firmware.core.profiles import Kind, Profile, Purpose
from firmware.core.settings import PROFILE_MAX_INSTALLED, Settings
from firmware.core.values import ACCEPTED, Outcome, rejected


class ProfileStore:
    """The profiles that are installed, by their number."""

    def __init__(self, settings: Settings, emit: Callable[[ProfileInstalled | ProfileRemoved], None]) -> None:
        self._settings = settings
        self._emit = emit
        self._installed: dict[int, Profile] = {}

    def __len__(self) -> int:
        return len(self._installed)

    def __iter__(self) -> Iterator[Profile]:
        return iter(list(self._installed.values()))

    def restore(self, profiles: Iterable[Profile]) -> None:
        """Put back what was stored."""
        self._installed = {profile.id: profile for profile in profiles}

    def of(self, purpose: Purpose, *evses: int) -> list[Profile]:
        """Profiles of a purpose that were set on one of these EVSEs."""
        return [profile for profile in self._installed.values() if profile.purpose is purpose and profile.evse in evses]

    def install(self, profile: Profile, *, replaces_slot: bool) -> Outcome:
        """Keep a profile, in the place of the one with its number, and with `replaces_slot` of the one in its slot.

        Without `replaces_slot` another number in the same slot is refused.
        """
        if profile.kind is not Kind.RECURRING and profile.recurrence is not None:
            profile = replace(profile, recurrence=None)  # it says nothing there
        gone = [other for other in self if other.id != profile.id and other.slot == profile.slot]
        if gone and not replaces_slot:
            return rejected("DuplicateProfile", f"profile {gone[0].id} has its purpose, level and EVSE")
        problem = self.overflow(profile, leaving=len(gone))
        if problem is not None:
            return problem
        for other in gone:
            self.remove(other)
        self._installed[profile.id] = profile
        self._emit(ProfileInstalled(profile))
        return ACCEPTED

    def overflow(self, profile: Profile, *, leaving: int = 0) -> Outcome | None:
        """Why there is no room for a profile when so many others leave; None when there is."""
        kept = len(self._installed) - leaving + (profile.id not in self._installed)
        limit = self._settings[PROFILE_MAX_INSTALLED]
        return rejected("TooManyProfiles", f"at most {limit}") if kept > limit else None

    def remove(self, profile: Profile) -> None:
        """Keep it no longer."""
        del self._installed[profile.id]
        self._emit(ProfileRemoved(profile.id))
