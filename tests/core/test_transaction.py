"""Tables of moves, and the record from which a transaction is recovered."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.authorisation import Authorisation, AuthState
from firmware.core.transaction import MOVES, IllegalMove, Move, Phase, Transaction
from firmware.core.values import Token, TokenInfo, TokenType, Verdict
from hal.types import Instant, TimeTrust

AT = Instant(1.0, "boot")
CARD = Token("04A1B2C3")


@pytest.mark.parametrize(("phase", "move"), list(itertools.product(Phase, Move)))
def test_a_transaction_moves_along_its_table_only(phase: Phase, move: Move) -> None:
    """What the table does not have raises, and changes nothing."""
    tx = Transaction("tx", 1, None, phase=phase)
    if (phase, move) in MOVES:
        tx.move(move)
        assert tx.phase is MOVES[phase, move]
    else:
        with pytest.raises(IllegalMove, match=f"no {move.value} while {phase.value}"):
            tx.move(move)
        assert tx.phase is phase


@pytest.mark.parametrize(("start", "goal"), list(itertools.product(AuthState, AuthState)))
def test_an_authorisation_moves_along_its_table_only(start: AuthState, goal: AuthState) -> None:
    """Nobody becomes somebody by being asked about twice, and a grant ends before the next."""
    auth = Authorisation(start, CARD, CARD, 7, 9.0)
    legal = {
        (AuthState.NONE, AuthState.PENDING),
        (AuthState.NONE, AuthState.GRANTED),
        (AuthState.PENDING, AuthState.NONE),
        (AuthState.PENDING, AuthState.GRANTED),
        (AuthState.GRANTED, AuthState.NONE),
    }
    if (start, goal) in legal:
        auth.to(goal)
        assert auth.state is goal
        assert (auth.token is None) is (goal is AuthState.NONE)
    else:
        with pytest.raises(IllegalMove):
            auth.to(goal)
        assert auth == Authorisation(start, CARD, CARD, 7, 9.0)


def test_an_authorisation_that_ends_forgets_everything() -> None:
    """Token, group, remote start and deadline belong to the one who had it."""
    auth = Authorisation()
    auth.ask(CARD, 7)
    assert auth.belongs_to(Token("04a1b2c3"))
    auth.grant(CARD, TokenInfo(Verdict.ACCEPTED, Token("G")), 7, 9.0)
    auth.to(AuthState.NONE)
    assert auth == Authorisation()
    assert not auth.belongs_to(CARD)


def test_a_register_that_runs_backwards_is_not_believed() -> None:
    """Nor one that is not told; the moment stays that of the register kept."""
    tx = Transaction("tx", 1, None)
    tx.saw(5_000, AT)
    tx.saw(4_999, Instant(2.0, "boot"))
    tx.saw(None, Instant(3.0, "boot"))
    assert (tx.last_mwh, tx.last_at) == (5_000, AT)


def test_energy_is_the_difference_of_displays() -> None:
    """1.999 kWh to 2.000 kWh is one watt hour; unknown without a start."""
    assert Transaction("tx", 1, None, start_mwh=1_999_999, last_mwh=2_000_000).energy_wh == 1
    assert Transaction("tx", 1, None).energy_wh is None


_text = st.text(max_size=6)
_tokens = st.none() | st.builds(Token, _text, st.sampled_from(TokenType))
_instants = st.builds(Instant, st.floats(0, 1e9), _text, st.none() | st.floats(0, 2e9), st.sampled_from(TimeTrust))
_mwh = st.integers(0, 10**15)
_open = st.builds(
    Transaction,
    id=_text,
    evse=st.integers(1, 9),
    token=_tokens,
    group=_tokens,
    remote_start_id=st.none() | st.integers(0, 99),
    reservation_id=st.none() | st.integers(0, 99),
    phase=st.just(Phase.OPEN),
    durable=st.just(True),
    started=_instants,
    start_mwh=_mwh,
    last_mwh=_mwh,
    last_at=st.none() | _instants,
    next_seq=st.integers(1, 10**6),
    invalid=st.none() | st.sampled_from(Verdict),
    invalid_at_mwh=st.none() | _mwh,
)


@settings(max_examples=60, deadline=None)
@given(_open)
def test_an_open_transaction_comes_back_as_it_was(tx: Transaction) -> None:
    """Whatever its fields hold: a restart at this moment loses nothing."""
    assert Transaction.recovered(tx.record(), []) == tx


@pytest.mark.parametrize("key", ["id", "started", "start_mwh", "next_seq", "token"])
def test_a_damaged_record_is_refused(key: str) -> None:
    """A record without one of its keys, or with nonsense in it, is one ValueError."""
    row = json.loads(Transaction("tx", 1, CARD, started=AT, start_mwh=1, last_mwh=1).record())
    without = {name: value for name, value in row.items() if name != key}
    rows: list[object] = [without, row | {"started": 7}, row | {"invalid": "so-so"}, []]
    for damaged in rows:
        with pytest.raises(ValueError):
            Transaction.recovered(json.dumps(damaged).encode(), [])
    with pytest.raises(ValueError):
        Transaction.recovered(b"\x00", [])


def test_a_clock_set_back_does_not_turn_a_transactions_times_back() -> None:
    """The next fact is dated from the last one by monotonic time; a clock set forward is believed."""
    tx = Transaction("t", 1, None)
    first = tx.in_order(Instant(100.0, "boot", 5000.0, TimeTrust.SYNCHRONISED))
    assert first.wall_s == 5000.0
    assert tx.in_order(Instant(160.0, "boot", 1460.0, TimeTrust.SYNCHRONISED)).wall_s == 5060.0
    assert tx.in_order(Instant(170.0, "boot", 9000.0, TimeTrust.SYNCHRONISED)).wall_s == 9000.0
    assert tx.in_order(Instant(3.0, "next boot", 8000.0, TimeTrust.SYNCHRONISED)).wall_s == 9000.0
