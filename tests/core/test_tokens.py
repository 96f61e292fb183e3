"""The decision table over list, cache, policies and reachability, row by row."""

import pytest

from firmware.core.local_list import LocalList
from firmware.core.settings import Settings
from firmware.core.tokens import Decision, Step, TokenCache, aged, cacheable, decide
from firmware.core.values import Token, TokenInfo, TokenType, Verdict

NOW_S = 1000.0
CARD = Token("04A1B2C3", TokenType.ISO14443)
GOOD = TokenInfo(Verdict.ACCEPTED)
BAD = TokenInfo(Verdict.BLOCKED)
OLD = TokenInfo(Verdict.ACCEPTED, expires_s=NOW_S)


def _decide(
    *,
    online: bool,
    listed: TokenInfo | None = None,
    cached: TokenInfo | None = None,
    token: Token = CARD,
    keys: dict[str, bool] | None = None,
) -> Decision:
    settings = Settings({f"auth.{name.replace('_', '-')}": str(value).lower() for name, value in (keys or {}).items()})
    cache = TokenCache()
    if cached is not None:
        cache.learn(token, cached)
    local_list = LocalList(settings)
    if listed is not None:
        local_list.restore(1, [(CARD, listed)])
    return decide(
        token,
        online=online,
        settings=settings,
        local_list=local_list,
        cache=cache,
        wall_s=NOW_S,
    )


@pytest.mark.parametrize(
    ("online", "listed", "cached", "keys", "step", "reason"),
    [
        (True, None, None, {}, Step.ASK, "AskCentralSystem"),
        (True, GOOD, None, {}, Step.ASK, "AskCentralSystem"),
        (True, GOOD, None, {"local_pre_authorize": True}, Step.GRANT, "ListAccepted"),
        (True, None, GOOD, {"local_pre_authorize": True}, Step.GRANT, "CacheAccepted"),
        (True, BAD, GOOD, {"local_pre_authorize": True}, Step.ASK, "AskCentralSystem"),
        (True, None, BAD, {"local_pre_authorize": True}, Step.ASK, "AskCentralSystem"),
        (True, None, OLD, {"local_pre_authorize": True}, Step.ASK, "AskCentralSystem"),
        (True, None, GOOD, {"local_pre_authorize": True, "cache_enabled": False}, Step.ASK, "AskCentralSystem"),
        (False, GOOD, None, {}, Step.GRANT, "OfflineListAccepted"),
        (False, None, GOOD, {}, Step.GRANT, "OfflineCacheAccepted"),
        (False, GOOD, BAD, {}, Step.GRANT, "OfflineListAccepted"),
        (False, GOOD, None, {"local_offline": False}, Step.DENY, "OfflineNotAllowed"),
        (False, None, GOOD, {"local_offline": False}, Step.DENY, "OfflineNotAllowed"),
        (False, BAD, GOOD, {"offline_unknown": True}, Step.DENY, "OfflineListBlocked"),
        (False, None, BAD, {"offline_unknown": True}, Step.DENY, "OfflineCacheBlocked"),
        (False, OLD, None, {"offline_unknown": True}, Step.DENY, "OfflineListExpired"),
        (False, None, OLD, {"offline_unknown": True}, Step.DENY, "OfflineCacheExpired"),
        (False, None, None, {}, Step.DENY, "OfflineUnknown"),
        (False, None, None, {"offline_unknown": True}, Step.GRANT, "OfflineUnknownAllowed"),
        (False, None, None, {"offline_unknown": True, "local_offline": False}, Step.GRANT, "OfflineUnknownAllowed"),
        (False, None, GOOD, {"cache_enabled": False}, Step.DENY, "OfflineUnknown"),
    ],
)
def test_a_row_of_the_table(
    online: bool,
    listed: TokenInfo | None,
    cached: TokenInfo | None,
    keys: dict[str, bool],
    step: Step,
    reason: str,
) -> None:
    """One situation, one decision, one reason."""
    decision = _decide(online=online, listed=listed, cached=cached, keys=keys)
    assert (decision.step, decision.reason) == (step, reason)


def test_no_authorisation_needed_is_granted() -> None:
    """A start without identification asks nobody."""
    token = Token("", TokenType.NO_AUTHORIZATION)
    for online in (True, False):
        assert _decide(online=online, token=token).step is Step.GRANT


def test_a_central_token_is_not_looked_up_in_the_cache() -> None:
    """It says nothing about the next time, and must not be cached."""
    central = Token("C-1", TokenType.CENTRAL)
    assert not cacheable(central)
    assert not cacheable(Token(""))
    assert _decide(online=False, token=central, cached=GOOD).reason == "OfflineUnknown"


def test_a_verdict_expires_by_time_only_when_time_is_known() -> None:
    """Strictly before the expiry it holds; without a clock it holds too; a refusal stays that refusal."""
    assert aged(OLD, NOW_S - 0.1) is OLD
    assert aged(OLD, None) is OLD
    assert aged(OLD, NOW_S).verdict is Verdict.EXPIRED
    assert aged(TokenInfo(Verdict.BLOCKED, expires_s=1.0), NOW_S).verdict is Verdict.BLOCKED


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Token("ab"), Token("AB"), True),
        (Token("ab", TokenType.ISO14443), Token("ab"), True),
        (Token("ab", TokenType.ISO14443), Token("ab", TokenType.EMAID), False),
        (Token("ab"), Token("ac"), False),
        (Token("ab"), None, False),
    ],
)
def test_tokens_compare_without_case_and_an_unknown_type_fits_all(one: Token, other: Token | None, same: bool) -> None:
    """Both ways round."""
    assert one.same_as(other) is same
    assert other is None or other.same_as(one) is same


def test_a_token_is_masked() -> None:
    """Long ones keep two characters at each end, short ones nothing; repr shows nothing."""
    assert Token("04A1B2C3").masked == "04…C3"
    assert Token("123456").masked == "…"
    assert "04A1B2C3" not in repr(Token("04A1B2C3"))


def test_a_full_cache_drops_refusals_first_then_the_oldest() -> None:
    """And tells what went, so that it can be removed from disk."""
    cache = TokenCache(limit=3)
    a, b, c, d, e = (Token(name) for name in "abcde")
    assert [cache.learn(a, GOOD), cache.learn(b, BAD), cache.learn(c, GOOD)] == [None, None, None]
    assert cache.learn(d, GOOD) is b
    assert cache.learn(a, GOOD) is None  # known: nothing goes, and it is the newest now
    assert cache.learn(e, GOOD) is c
    assert [token for token, _ in cache] == [d, a, e]
    assert len(cache) == 3


def test_a_full_cache_drops_what_is_over_before_what_is_valid() -> None:
    """An accepted token past its end is worth no more than a refused one."""
    cache = TokenCache(limit=2)
    a, b, c = (Token(name) for name in "abc")
    cache.learn(a, GOOD)
    cache.learn(b, TokenInfo(Verdict.ACCEPTED, expires_s=1000.0))
    assert cache.learn(c, GOOD, 1000.0) is b


def test_a_cache_keeps_the_last_verdict_and_forgets() -> None:
    """Case does not matter; another type of token is another token."""
    cache = TokenCache()
    cache.learn(CARD, GOOD)
    cache.learn(Token("04a1b2c3", TokenType.ISO14443), BAD)
    assert cache.find(CARD, None) == BAD
    assert cache.find(Token(CARD.value, TokenType.EMAID), None) is None
    assert cache.forget(CARD)
    assert not cache.forget(CARD)
    cache.learn(CARD, GOOD)
    assert cache.clear() == [CARD]
    assert len(cache) == 0
