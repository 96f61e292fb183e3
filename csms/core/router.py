"""Which handler answers which action, and what a handler is given.

    router = Router()

    @router.on("ocpp1.6", "BootNotification")
    def boot(context: Context, request: BootNotificationRequest) -> BootNotificationResponse:
        ...

A handler returns the response, or raises `ocpp_client.errors.Refuse` to answer with a CALLERROR. It may be a coroutine
function: the front door then runs it, and the station's next call waits until it is done.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from csms.core.effects import DomainEvent
from csms.core.events import Moment
from csms.core.policy import Policy
from csms.core.store import Store
from ocpp_client.messages import Message

Handler: TypeAlias = Callable[["Context", Any], Message | Awaitable[Message]]
Before: TypeAlias = Callable[["Context", Message], None]
After: TypeAlias = Callable[["Context", Message, Message], None]
Answered: TypeAlias = Callable[["Context", Any, Any], None]
HandlerT = TypeVar("HandlerT", bound=Handler)
BeforeT = TypeVar("BeforeT", bound=Before)
AfterT = TypeVar("AfterT", bound=After)
AnsweredT = TypeVar("AnsweredT", bound=Answered)


@dataclass(slots=True)
class Context:
    """One call, as its handler sees it. What it emits or commands is done after the answer is sent, or taken."""

    station: str
    protocol: str
    connection: str
    message_id: str
    action: str
    at: Moment
    store: Store
    policy: Policy
    emitted: list[DomainEvent] = field(default_factory=list)
    commanded: list[tuple[str, Message, float]] = field(default_factory=list)

    def emit(self, kind: str, **data: Any) -> None:
        """Publish a domain event; `data` must be JSON-able."""
        self.emitted.append(DomainEvent(kind, self.station, self.at.utc, data))

    def remark(self, what: str, **data: Any) -> None:
        """Publish an event of kind "remark": the station did something odd."""
        self.emit("remark", what=what, action=self.action, message_id=self.message_id, **data)

    def command(self, action: str, request: Message, *, timeout_s: float = 30.0) -> None:
        """Call the station back, once the answer to this call is on its way. Nobody waits for the outcome."""
        self.commanded.append((action, request, timeout_s))


class Router:
    """A table of handlers, and the hooks around them."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._before: list[Before] = []
        self._after: list[After] = []
        self._answered: dict[tuple[str, str], list[Answered]] = {}

    def on(self, protocol: str, action: str) -> Callable[[HandlerT], HandlerT]:
        """Decorate the handler of an action in one OCPP version. Raises ValueError if this router has one already."""

        def register(handler: HandlerT) -> HandlerT:
            if (protocol, action) in self._handlers:
                raise ValueError(
                    f"two handlers for {protocol} {action} in one router; put yours into a router of its own"
                )
            self._handlers[protocol, action] = handler
            return handler

        return register

    def answered(self, protocol: str, action: str) -> Callable[[AnsweredT], AnsweredT]:
        """Decorate what is told each answer to a call of ours: `(context, request, response)`.

        It hears of results that keep to their schemas, to requests that do. There may be many for one action.
        """

        def register(hook: AnsweredT) -> AnsweredT:
            self._answered.setdefault((protocol, action), []).append(hook)
            return hook

        return register

    def before(self, hook: BeforeT) -> BeforeT:
        """Decorate what runs before every handler, also those of other routers; it may raise Refuse."""
        self._before.append(hook)
        return hook

    def after(self, hook: AfterT) -> AfterT:
        """Decorate what runs after every handler, with the response that will be sent."""
        self._after.append(hook)
        return hook

    def find(self, protocol: str, action: str) -> Handler | None:
        """The handler of an action, or None."""
        return self._handlers.get((protocol, action))

    def overlaid(self, other: "Router") -> "Router":
        """A new router in which handlers of `other` win over those here; the hooks of both run, these first."""
        both = Router()
        both._handlers = {**self._handlers, **other._handlers}
        both._before = [*self._before, *other._before]
        both._after = [*self._after, *other._after]
        for each in (self, other):
            for place, hooks in each._answered.items():
                both._answered.setdefault(place, []).extend(hooks)
        return both

    def wants_answers(self, protocol: str, action: str) -> bool:
        """Whether anybody is to be told of answers to calls of this action."""
        return (protocol, action) in self._answered

    def run_answered(self, context: Context, request: Message, response: Message) -> None:
        """Tell everybody who wants to hear of an answer to a call of ours."""
        for hook in self._answered.get((context.protocol, context.action), ()):
            hook(context, request, response)

    def run_before(self, context: Context, request: Message) -> None:
        """Run the hooks that precede a handler."""
        for hook in self._before:
            hook(context, request)

    def run_after(self, context: Context, request: Message, response: Message) -> None:
        """Run the hooks that follow a handler."""
        for hook in self._after:
            hook(context, request, response)
