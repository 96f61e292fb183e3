"""OCPP 2.0.1: authorisation (part 2, block C)."""

from typing import cast

from csms.core.router import Context, Router
from csms.tokens import Tokens, Verdict
from ocpp_client.v201.authorization import AuthorizeRequest, AuthorizeResponse
from ocpp_client.v201.datatypes import AuthorizationStatusEnumType, IdTokenInfoType, IdTokenType


def register(router: Router) -> None:
    """Put these handlers into a router."""
    router.on("ocpp2.0.1", "Authorize")(authorize)


def authorize(context: Context, request: AuthorizeRequest) -> AuthorizeResponse:
    """Look the token up. Contract certificates are taken for good: nobody here can check them."""
    verdict = judge(context, request.id_token)
    context.emit("authorized", id_token=request.id_token.id_token, status=verdict.status)
    contract = request.certificate is not None or request.iso15118_certificate_hash_data is not None
    return AuthorizeResponse(id_token_info=token_info(verdict), certificate_status="Accepted" if contract else None)


def judge(context: Context, token: IdTokenType, *, starting: str | None = None) -> Verdict:
    """What a token is worth now; `starting` is the transaction that it wants to start.

    The start button names no token and needs none (C02).
    """
    if token.type == "NoAuthorization":
        return Verdict("Accepted")
    tokens = Tokens(context.store, context.policy)
    if starting is None:
        return tokens.judge(token.id_token, context.at.utc)
    return tokens.judge_start(token.id_token, context.at.utc, station=context.station, transaction_id=starting)


def token_info(verdict: Verdict) -> IdTokenInfoType:
    """A verdict in the words of 2.0.1."""
    return IdTokenInfoType(
        status=cast(AuthorizationStatusEnumType, verdict.status),
        cache_expiry_date_time=verdict.expires_at,
        group_id_token=None if verdict.parent is None else IdTokenType(id_token=verdict.parent, type="Central"),
    )
