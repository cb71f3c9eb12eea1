"""Requests and answers checked against Amazon's own models (Swagger 2.0, samples/amazon_sp_api/models)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema

from retail_sync_tests.fakes.server import Reply, Request

_USED = ("reports_2021-06-30", "orders_2026-01-01", "fbaInventory", "finances_2024-06-19", "transfers_2024-06-01")


class Models:
    """The operations of the models that the connector uses."""

    def __init__(self, folder: Path) -> None:
        self._operations: list[tuple[re.Pattern[str], Mapping[str, Any], Mapping[str, Any]]] = []
        self.seen: set[str] = set()
        self.rates: dict[str, tuple[float, float]] = {}  # requests per second and burst, as the descriptions say
        for name in _USED:
            model = json.loads((folder / f"{name}.json").read_text())
            for path, methods in model["paths"].items():
                if "get" in methods:
                    pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
                    self._operations.append((pattern, methods["get"], model["definitions"]))
                    if told := re.search(r"\| ([\d.]+) \| (\d+) \|", methods["get"]["description"]):
                        self.rates[methods["get"]["operationId"]] = (float(told[1]), float(told[2]))

    def check(self, request: Request, reply: Reply) -> None:
        """Assert that an operation of the models takes this request and may give this answer."""
        assert request.method == "GET"
        operation, definitions = next(
            (operation, definitions)
            for pattern, operation, definitions in self._operations
            if pattern.fullmatch(request.path)
        )
        self.seen.add(operation["operationId"])
        known = {parameter["name"]: parameter for parameter in operation["parameters"] if parameter["in"] == "query"}
        assert set(request.query) <= set(known)
        if "nextToken" not in request.query or operation["operationId"] != "getReports":
            assert {name for name, parameter in known.items() if parameter.get("required")} <= set(request.query)
        for name, text in request.query.items():
            _check_value(known[name], text)
        schema = {**operation["responses"][str(reply.status)]["schema"], "definitions": definitions}
        jsonschema.Draft4Validator(schema).validate(reply.document)


def _check_value(parameter: Mapping[str, Any], text: str) -> None:
    match parameter["type"]:
        case "array":  # without a collectionFormat: separated by commas
            values = text.split(",")
            assert parameter.get("minItems", 0) <= len(values) <= parameter.get("maxItems", len(values))
            for value in values:
                _check_value(parameter["items"], value)
        case "integer":
            assert text.isdecimal()
            assert parameter.get("minimum", 1) <= int(text) <= parameter.get("maximum", 100)
        case "boolean":
            assert text in ("true", "false")
    assert text in parameter.get("enum", [text])
    if parameter.get("format") == "date-time":
        assert datetime.fromisoformat(text).tzinfo is not None
