"""When a modem is helped up, and what data is counted."""

import pytest

from firmware.uplink.ladder import BETWEEN_S, PATIENCE_S, REST_S, Ladder
from firmware.uplink.usage import DAYS_KEPT, Bytes, Usage
from ocpp_client.causes import Cause

DAY_S = 86_400.0


def test_the_mildest_step_comes_first_and_each_gets_its_time() -> None:
    """Three steps, then a long rest, then from below again."""
    ladder = Ladder(["attach", "radio", "power"])
    taken: list[tuple[int, str]] = []
    for second in range(0, 6000, 10):
        step = ladder.down(float(second), Cause.NO_ANSWER)
        if step:
            taken.append((second, step))
    patience, between, rest = int(PATIENCE_S), int(BETWEEN_S), int(REST_S)
    assert taken[:4] == [
        (patience, "attach"),
        (patience + between, "radio"),
        (patience + 2 * between, "power"),
        (patience + 2 * between + rest, "attach"),
    ]


def test_a_link_that_came_up_begins_from_below() -> None:
    """A step is taken for a present trouble only."""
    ladder = Ladder(["attach", "radio"])
    ladder.down(0.0, Cause.DNS)
    assert ladder.down(PATIENCE_S, Cause.DNS) == "attach"
    ladder.up()
    assert ladder.down(PATIENCE_S + BETWEEN_S, Cause.DNS) is None
    assert ladder.down(2 * PATIENCE_S + BETWEEN_S, Cause.DNS) == "attach"


@pytest.mark.parametrize("cause", [Cause.CREDENTIALS, Cause.CERTIFICATE_EXPIRED, Cause.RATE_LIMIT, None])
def test_a_refusal_of_the_server_is_no_affair_of_the_modem(cause: Cause | None) -> None:
    """The network carried the refusal: it works."""
    ladder = Ladder(["attach"])
    assert all(ladder.down(float(second), cause) is None for second in range(0, 3000, 30))


def test_a_modem_without_steps_is_left_alone() -> None:
    """There is nothing to take."""
    assert Ladder([]).down(10_000.0, Cause.DNS) is None


def test_bytes_are_counted_by_day_and_by_connection() -> None:
    """The link's counters only grow; the day and the connection are told by the difference."""
    usage = Usage()
    usage.count(100, 50, 10.0)
    usage.begin_session()
    usage.count(130, 60, DAY_S + 1)
    usage.count(130, 60, DAY_S + 2)
    assert usage.days == {"1970-01-01": Bytes(100, 50), "1970-01-02": Bytes(30, 10)}
    assert usage.session == Bytes(30, 10)
    usage.count(131, 60, None)
    assert usage.days["undated"] == Bytes(1, 0)


def test_days_are_kept_over_a_restart_and_bounded() -> None:
    """A month is enough for a bill."""
    usage = Usage()
    for day in range(DAYS_KEPT + 5):
        usage.count(day + 1, 0, day * DAY_S)
    again = Usage()
    again.restore(usage.document())
    assert again.days == usage.days
    assert len(again.days) == DAYS_KEPT
    with pytest.raises(ValueError, match="not a document of data use"):
        again.restore(b"[1]")
