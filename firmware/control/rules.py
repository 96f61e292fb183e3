"""Frame rules over HTTP, on a mock board only: hold, edit, drop, duplicate and delay what passes between program and network."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmware.control.answers import ApiError, answer, json_object
from firmware.frame_rules import Direction, FrameRules, Kind, Numbered, Rule, RuleError, Verb

BodyT = TypeVar("BodyT", bound="_Body")


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class RuleBody(_Body):
    """A new rule; see `frame_rules.Rule`."""

    verb: Literal["hold", "edit", "drop", "duplicate", "delay"]
    direction: Direction | None = None
    kind: Kind | None = None
    action: str | None = Field(None, min_length=1, max_length=50)
    contains: str | None = Field(None, min_length=1, max_length=500)
    skip: int = Field(0, ge=0)
    count: int | None = Field(None, ge=1)
    delay_s: float | None = Field(None, gt=0, le=86_400)
    change: dict[str, Any] = Field(default_factory=dict)
    remove: list[str] = Field(default_factory=list, max_length=50)
    error: str | None = Field(None, max_length=50)
    text: str | None = Field(None, max_length=16_384)

    def rule(self) -> Rule:
        """The rule. Raises RuleError."""
        return Rule(
            **{
                **self.model_dump(),
                "verb": Verb(self.verb),
                "delay_s": self.delay_s or 0.0,
                "remove": tuple(self.remove),
            }
        )


class SwitchBody(_Body):
    """On or off."""

    on: bool


class ReleaseBody(_Body):
    """Which held frame; all of them when left out."""

    held: int | None = None


class RuleRoutes:
    """Handlers of these routes. `changed` is called after each change."""

    def __init__(self, rules: FrameRules, changed: Callable[[], None]) -> None:
        self._rules = rules
        rules.listen(changed)

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/api/rules", self.list, methods=["GET"]),
            Route("/api/rules", self.add, methods=["POST"]),
            Route("/api/rules/clear", self.clear, methods=["POST"]),
            Route("/api/rules/release", self.release, methods=["POST"]),
            Route("/api/rules/{number:int}", self.switch, methods=["POST"]),
            Route("/api/rules/{number:int}/remove", self.remove, methods=["POST"]),
        ]

    async def list(self, _request: Request) -> Response:
        """Rules, held frames, and what was done last."""
        return answer(rules_picture(self._rules))

    async def add(self, request: Request) -> Response:
        """A new rule, asked after those that are there."""
        body = await _read(request, RuleBody)
        try:
            return answer(_rule_picture(self._rules.add(body.rule())))
        except RuleError as error:
            raise ApiError(409 if not error.field else 400, str(error), error.field) from None

    async def switch(self, request: Request) -> Response:
        """A rule on or off."""
        body = await _read(request, SwitchBody)
        try:
            return answer(_rule_picture(self._rules.switch(request.path_params["number"], body.on)))
        except KeyError:
            raise _no_rule(request) from None

    async def remove(self, request: Request) -> Response:
        """A rule is gone, and what it held is let go."""
        await json_object(request)
        try:
            self._rules.remove(request.path_params["number"])
        except KeyError:
            raise _no_rule(request) from None
        return answer(rules_picture(self._rules))

    async def clear(self, request: Request) -> Response:
        """Every rule is gone."""
        await json_object(request)
        self._rules.clear()
        return answer(rules_picture(self._rules))

    async def release(self, request: Request) -> Response:
        """Let go a held frame, or all."""
        body = await _read(request, ReleaseBody)
        try:
            return answer({"released": self._rules.release(body.held)})
        except KeyError:
            raise ApiError(404, f"no frame {body.held} is held", "held") from None


def rules_picture(rules: FrameRules) -> dict[str, Any]:
    """Everything about the rules, for the state and its stream. Held texts are what would go over the wire."""
    return {
        "rules": [_rule_picture(numbered) for numbered in rules.rules],
        "held": [
            {
                "number": held.number,
                "rule": held.rule,
                "direction": held.frame.direction,
                "action": held.frame.action,
                "message_id": held.frame.id,
                "monotonic_s": round(held.monotonic_s, 3),
            }
            for held in rules.held
        ],
        "marks": [
            {
                "rule": mark.rule,
                "did": mark.did,
                "direction": mark.direction,
                "action": mark.action,
                "message_id": mark.id,
                "text": mark.text,
            }
            for mark in rules.marks
        ],
    }


def _rule_picture(numbered: Numbered) -> dict[str, Any]:
    rule = numbered.rule
    return {
        "number": numbered.number,
        "on": numbered.on,
        "seen": numbered.seen,
        "hits": numbered.hits,
        "verb": rule.verb.value,
        "direction": rule.direction,
        "kind": rule.kind,
        "action": rule.action,
        "contains": rule.contains,
        "skip": rule.skip,
        "count": rule.count,
        "delay_s": rule.delay_s or None,
        "change": dict(rule.change),
        "remove": list(rule.remove),
        "error": rule.error,
        "text": rule.text,
    }


def _no_rule(request: Request) -> ApiError:
    return ApiError(404, f"there is no rule {request.path_params['number']}")


async def _read(request: Request, model: type[BodyT]) -> BodyT:
    body = await json_object(request)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise ApiError(400, f"{name}: {reason}", name) from None
