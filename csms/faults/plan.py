"""What can go wrong on purpose, as data: a list of rules and a seed."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    after: int = Field(0, ge=0, description="let so many occasions pass first")
    times: int | None = Field(None, ge=1, description="then act so many times; for ever when absent")
    probability: float = Field(1.0, gt=0, le=1, description="act on each occasion with this probability")

    def fits(self, _action: str | None) -> bool:
        """Whether an occasion about this action (None: about none) is one for this rule."""
        return True


class _ActionRule(_Rule):
    """About one action, or about any."""

    action: str | None = Field(None, description="only for this action; for any when absent")

    def fits(self, action: str | None) -> bool:
        return self.action is None or self.action == action


class Late(_ActionRule):
    """Answer late."""

    fault: Literal["late"]
    delay_s: float = Field(gt=0, le=86_400)


class Never(_ActionRule):
    """Never answer."""

    fault: Literal["never"]
    executed: bool = Field(True, description="false: the call is not even executed, as if it had been lost")


class Twice(_ActionRule):
    """Send the answer twice."""

    fault: Literal["twice"]


class Error(_ActionRule):
    """Answer with a CALLERROR."""

    fault: Literal["error"]
    code: str = "InternalError"
    description: str = ""
    executed: bool = Field(True, description="false: the call is refused without being executed")


class Answer(_ActionRule):
    """Answer with this payload, right or wrong."""

    fault: Literal["answer"]
    payload: Any


class Text(_ActionRule):
    """Send this text instead of an answer; `{id}` in it becomes the call's message id."""

    fault: Literal["text"]
    text: str


class Close(_Rule):
    """Close the WebSocket with this code when a message has come in and been answered."""

    fault: Literal["close"]
    code: int = Field(1011, ge=1000, le=4999)
    reason: str = ""


class Drop(_Rule):
    """Drop the TCP connection without a close frame when a message has come in."""

    fault: Literal["drop"]


class Freeze(_Rule):
    """Stop reading from the connection when a message has come in; pings go unanswered from then on."""

    fault: Literal["freeze"]


class Slow(_Rule):
    """From the next message on carry only so many bytes a second, in either direction, as a bad line does."""

    fault: Literal["slow"]
    bytes_per_s: int = Field(gt=0)


class Restart(_Rule):
    """Behave as if restarted when a message has come in: close with 1012, and answer upgrades 503 for so long."""

    fault: Literal["restart"]
    down_s: float = Field(gt=0, le=86_400)


class RefuseUpgrade(_Rule):
    """Answer the upgrade with this HTTP status."""

    fault: Literal["refuse"]
    status: int = Field(503, ge=300, le=599)
    retry_after_s: int | None = Field(None, ge=0)


class NoSubprotocol(_Rule):
    """Accept the upgrade without naming a subprotocol, and speak OCPP all the same."""

    fault: Literal["no-subprotocol"]


class WrongSubprotocol(_Rule):
    """Accept the upgrade with this subprotocol, and then neither answer nor call."""

    fault: Literal["wrong-subprotocol"]
    subprotocol: str = Field("ocpp1.5", pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")


class CloseAtOnce(_Rule):
    """Accept the upgrade and close with this code before anything is said."""

    fault: Literal["close-at-once"]
    code: int = Field(1008, ge=1000, le=4999)
    reason: str = ""


class CallTwice(_ActionRule):
    """Send a call of ours twice under the same message id."""

    fault: Literal["call-twice"]


class Boot(BaseModel):
    """Answer BootNotification with another status than Accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: Literal["boot"]
    status: Literal["Pending", "Rejected"]
    times: int | None = Field(None, ge=1, description="so many times; until the plan is removed when absent")
    retry_s: int | None = Field(None, ge=0, description="the interval in the answer")


AnswerRule = Late | Never | Twice | Error | Answer | Text
MessageRule = Close | Drop | Freeze | Slow | Restart
UpgradeRule = RefuseUpgrade | NoSubprotocol | WrongSubprotocol | CloseAtOnce
CallRule = CallTwice
Rule = AnswerRule | MessageRule | UpgradeRule | CallRule


class FaultPlan(BaseModel):
    """The faults of one station. Of the rules that fit an occasion, the first one that acts is the only one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Annotated[Rule | Boot, Field(discriminator="fault")], ...] = Field(max_length=100)
    seed: int = Field(0, description="for the probabilities")
