"""Requests and answers checked against Amazon's own models (Swagger 2.0, samples/amazon_sp_api/models)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema

from retail_sync_tests.fakes.server import Reply, Request


@dataclass(frozen=True)
class Operation:
    """An operation of a model. `said` is what the model says of it."""

    name: str
    method: str
    path: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]  # by name; that of the body is "body", whatever the model calls it
    said: Mapping[str, Any]
    definitions: Mapping[str, Any]

    def check_values(self, values: Mapping[str, Any]) -> None:
        """Assert that it takes these parameters, by name; lists as lists, or as the text that stands in a query."""
        known = self.parameters
        assert set(values) <= set(known)
        if self.name != "getReports" or "nextToken" not in values:  # which comes alone
            assert {name for name, parameter in known.items() if parameter.get("required")} <= set(values)
        for name, value in values.items():
            if known[name]["in"] == "body":
                self._validate(known[name]["schema"], value)
            else:
                _check_text(known[name], ",".join(value) if isinstance(value, list) else str(value))

    def check_answer(self, status: int, document: Any) -> None:
        """Assert that it may answer so."""
        said = self.said["responses"][str(status)]
        if "schema" in said:
            self._validate(said["schema"], document)
        else:
            assert not document

    def _validate(self, schema: Mapping[str, Any], document: Any) -> None:
        jsonschema.Draft4Validator({**schema, "definitions": self.definitions}).validate(document)


class Models:
    """The operations of all models at hand."""

    def __init__(self, folder: Path) -> None:
        self.operations: dict[str, Operation] = {}  # by model and name: two models have a getOrder
        self.pairs: set[str] = set()  # of the sandbox, by model, operation, status and number
        self.seen: set[str] = set()
        self.rates: dict[str, tuple[float, float]] = {}  # requests per second and burst, as the descriptions say
        for file in sorted(folder.glob("*.json")):
            model = json.loads(file.read_text())
            for path, methods in model["paths"].items():
                for method in {"get", "post", "put", "patch", "delete"} & set(methods):
                    self._add(file.stem, path, methods, method, model["definitions"])

    def _add(
        self, model: str, path: str, methods: Mapping[str, Any], method: str, definitions: Mapping[str, Any]
    ) -> None:
        said = methods[method]
        parameters = {
            "body" if parameter["in"] == "body" else parameter["name"]: parameter
            for parameter in (*methods.get("parameters", ()), *said.get("parameters", ()))
        }
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        name = said["operationId"]
        self.operations[f"{model}.{name}"] = Operation(name, method, pattern, parameters, said, definitions)
        for status, answer in said["responses"].items():
            static = answer.get("x-amzn-api-sandbox", {}).get("static", ())
            self.pairs |= {f"{model}.{name}.{status}.{n}" for n, _ in enumerate(static)}
        if told := re.search(r"\| ([\d.]+) \| (\d+) \|", said.get("description", "")):
            self.rates[name] = (float(told[1]), float(told[2]))

    def check(self, request: Request, reply: Reply) -> None:
        """Assert that an operation of the models takes this request and may give this answer."""
        operation = next(
            operation
            for operation in self.operations.values()
            if operation.method == request.method.lower() and operation.path.fullmatch(request.path)
        )
        self.seen.add(operation.name)
        in_path = [name for name, parameter in operation.parameters.items() if parameter["in"] == "path"]
        operation.check_values({**dict.fromkeys(in_path, "there"), **request.query})
        operation.check_answer(reply.status, reply.document)


def _check_text(parameter: Mapping[str, Any], text: str) -> None:
    match parameter["type"]:
        case "array":  # without a collectionFormat: separated by commas
            values = text.split(",")
            assert parameter.get("minItems", 0) <= len(values) <= parameter.get("maxItems", len(values))
            for value in values:
                _check_text(parameter["items"], value)
        case "integer":
            assert text.isdecimal()
            assert parameter.get("minimum", 1) <= int(text) <= parameter.get("maximum", 100)
        case "boolean":
            assert text in ("true", "false")
    assert text in parameter.get("enum", [text])
    if parameter.get("format") == "date-time":
        assert datetime.fromisoformat(text).tzinfo is not None
