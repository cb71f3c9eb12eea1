"""As much of GraphQL as a fake needs: read a query, refuse what the schema does not know, answer from plain dictionaries.

A schema is {type: {"field" or "field(argument, ...)": type of the result, None for a scalar}}; "[T]" is a list, and a type that
ends in Connection is paged. Errors are worded as graphql-ruby words them, which Shopify runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"\s+|,|(\.\.\.|[{}()\[\]:!$=])|(\"(?:[^\"\\]|\\.)*\")|(-?\d+)|([A-Za-z_]\w*)")

Schema = Mapping[str, Mapping[str, str | None]]


class Refused(Exception):
    """The query cannot be answered: what is told, and the code beside it."""

    def __init__(self, message: str, code: str, **extensions: Any) -> None:
        super().__init__(message)
        self.error = {"message": message, "extensions": {"code": code, **extensions}}


@dataclass(frozen=True)
class Variable:
    """A value that comes beside the query."""

    name: str


@dataclass(frozen=True)
class Chosen:
    """A field with its arguments and what is chosen of it; without a name, a fragment on a type."""

    name: str
    arguments: Mapping[str, Any]
    fields: tuple[Chosen, ...]
    on: str = ""


@dataclass(frozen=True)
class Operation:
    """What is asked: the fields, whether each variable must be given, and query or mutation."""

    fields: tuple[Chosen, ...]
    variables: Mapping[str, bool]
    kind: str = "query"


def parse(text: str) -> Operation:
    """Read a query. Raises Refused where it is none."""
    return _Parser(text).operation()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise Refused(f"Parse error on {text[at]!r}", "undefined")
            at = found.end()
            self._tokens += [token for token in found.groups() if token]
        self._tokens.append("")

    def operation(self) -> Operation:
        variables: dict[str, bool] = {}
        kind = "query"
        if self._tokens[0] in ("query", "mutation"):
            kind = self._next()
            if self._is("("):
                variables = self._declared()
        fields = self._fields()
        self._take("")
        return Operation(fields, variables, kind)

    def _declared(self) -> dict[str, bool]:
        found = {}
        self._take("(")
        while not self._is(")"):
            self._take("$")
            name = self._next()
            self._take(":")
            self._next()
            found[name] = self._is("!")
            if found[name]:
                self._take("!")
        self._take(")")
        return found

    def _fields(self) -> tuple[Chosen, ...]:
        self._take("{")
        found = []
        while not self._is("}"):
            if self._is("..."):
                self._take("...")
                self._take("on")
                on = self._next()
                found.append(Chosen("", {}, self._fields(), on))
                continue
            name = self._next()
            arguments = self._arguments() if self._is("(") else {}
            found.append(Chosen(name, arguments, self._fields() if self._is("{") else ()))
        self._take("}")
        return tuple(found)

    def _arguments(self) -> dict[str, Any]:
        self._take("(")
        found = {}
        while not self._is(")"):
            name = self._next()
            self._take(":")
            found[name] = self._value()
        self._take(")")
        return found

    def _value(self) -> Any:
        sign = self._next()
        if sign == "$":
            return Variable(self._next())
        if sign == "[":
            found = []
            while not self._is("]"):
                found.append(self._value())
            self._take("]")
            return found
        if sign.startswith('"'):
            return sign[1:-1]
        return int(sign) if re.fullmatch(r"-?\d+", sign) else {"true": True, "false": False}.get(sign, sign)

    def _is(self, token: str) -> bool:
        return self._tokens[0] == token

    def _next(self) -> str:
        return self._tokens.pop(0)

    def _take(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise Refused(f"Parse error on {found!r}, expected {token!r}", "undefined")


def field_of(schema: Schema, type_name: str, name: str) -> tuple[str | None, frozenset[str]]:
    """Return the type of a field and its arguments. Raises Refused in the words of the real one."""
    for signature, result in schema[type_name].items():
        own, _, arguments = signature.partition("(")
        if own == name:
            return result, frozenset(arguments.rstrip(")").replace(" ", "").split(",")) - {""}
    raise Refused(f"Field '{name}' doesn't exist on type '{type_name}'", "undefinedField", typeName=type_name)


def check(schema: Schema, type_name: str, fields: Sequence[Chosen], *, is_paged: bool = True) -> None:
    """See that the schema has every field and argument, and a connection a size where it is paged. Raises Refused."""
    for chosen in fields:
        if chosen.on:
            check(schema, chosen.on, chosen.fields, is_paged=is_paged)
            continue
        result, arguments = field_of(schema, type_name, chosen.name)
        for argument in chosen.arguments:
            if argument not in arguments:
                raise Refused(
                    f"Field '{chosen.name}' doesn't accept argument '{argument}'",
                    "argumentNotAccepted",
                    typeName="Field",
                )
        if result is None and chosen.fields:
            raise Refused(f"Selections can't be made on scalars (field '{chosen.name}')", "selectionMismatch")
        if result is not None and not chosen.fields:
            raise Refused(f"Field must have selections (field '{chosen.name}' returns {result})", "selectionMismatch")
        if result is not None:
            if is_paged and result.endswith("Connection") and "first" not in chosen.arguments:
                raise Refused("you must provide one of first or last", "BAD_REQUEST")
            check(schema, result.strip("[]"), chosen.fields, is_paged=is_paged)


def cost_of(schema: Schema, type_name: str, fields: Sequence[Chosen], variables: Mapping[str, Any]) -> int:
    """What a query may cost at most: an object 1, a connection 2 and its rows, a plain field nothing."""
    total = 0
    for chosen in fields:
        if chosen.on:
            total += cost_of(schema, chosen.on, chosen.fields, variables)
            continue
        result, _ = field_of(schema, type_name, chosen.name)
        if result is None:
            continue
        of_it = cost_of(schema, result.strip("[]"), chosen.fields, variables)
        if result.endswith("Connection"):
            total += 2 + int(value_of(chosen.arguments["first"], variables)) * of_it
        else:
            total += of_it if chosen.name == "pageInfo" else of_it + 1
    return total


def value_of(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return what an argument is."""
    return variables.get(value.name) if isinstance(value, Variable) else value


Resolve = Callable[[str, Any, Chosen, Mapping[str, Any]], Any]


def answer(
    schema: Schema, type_name: str, value: Any, fields: Sequence[Chosen], variables: Mapping[str, Any], resolve: Resolve
) -> Any:
    """Return the chosen fields of a value; `resolve` says what a field holds."""
    if value is None:
        return None
    found = {}
    for chosen in fields:
        if chosen.on:
            found.update(answer(schema, chosen.on, value, chosen.fields, variables, resolve))
            continue
        result, _ = field_of(schema, type_name, chosen.name)
        held = resolve(type_name, value, chosen, variables)
        if result is None:
            found[chosen.name] = held
        elif result.startswith("["):
            kind = result.strip("[]")
            found[chosen.name] = [answer(schema, kind, item, chosen.fields, variables, resolve) for item in held]
        else:
            found[chosen.name] = answer(schema, result, held, chosen.fields, variables, resolve)
    return found
