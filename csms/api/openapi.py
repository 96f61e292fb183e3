"""The API's own description, made from its route tables (OpenAPI 3.1)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from csms.api.routes import Route

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for route in routes:
        path = paths.setdefault(_PARAMETER.sub(r"{\1}", route.path), {})
        path[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wayside reference CSMS",
            "version": "1",
            "description": "Stations, transactions, commands and faults of a central system for OCPP 1.6 and 2.0.1.",
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    """One operation; the models it needs are added to `schemas`."""
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]
    parameters += [
        {
            "name": each.name,
            "in": each.where,
            "required": False,
            "description": each.text,
            "schema": {"type": each.kind},
        }
        for each in route.parameters
    ]
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.endpoint.__name__,
        "responses": {
            str(status): {"description": text, "content": {route.media_type: {}}}
            if status == 200
            else {"description": text}
            for status, text in route.answers.items()
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": _schema(route.body, schemas)}}}
    return operation


def _schema(body: Mapping[str, Any] | type[BaseModel], schemas: dict[str, Any]) -> Mapping[str, Any]:
    if not isinstance(body, type):
        return body
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas[body.__name__] = schema
    return {"$ref": f"#/components/schemas/{body.__name__}"}
