"""Route templates of HTTP triggers, compiled once, matched in the order in which ASP.NET Core prefers them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from local.host.functions import Function
from local.host.settings import HostSettingsError

_PARAMETER = re.compile(
    r"\{(?P<catch_all>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^{}=?]+(?:\{[^{}]*\})?)*)(?:=(?P<default>[^{}]*))?(?P<optional>\?)?\}"
)
_CONSTRAINTS = {
    "int": r"[+-]?\d+",
    "long": r"[+-]?\d+",
    "bool": r"(?:true|false)",
    "guid": r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?",
    "alpha": r"[a-z]+",
    "decimal": r"[+-]?\d+(?:\.\d+)?",
    "double": r"[+-]?\d+(?:\.\d+)?",
    "float": r"[+-]?\d+(?:\.\d+)?",
}
_END, _LITERAL, _CONSTRAINED, _FREE, _CATCH_ALL = range(5)
_ALL_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. ``order`` sorts literal segments before parameters before catch-alls."""

    text: str
    pattern: re.Pattern[str]
    defaults: dict[str, str]
    order: tuple[int, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route parameters that ``path`` (decoded, with its slash in front) has; absent ones are left out."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        given = {name: value for name, value in found.groupdict().items() if value}
        return self.defaults | given if self.defaults else given


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP function's address. Methods are in capitals."""

    template: Template
    methods: frozenset[str]
    function: Function
    auth_level: str


class RouteTable:
    """All HTTP functions of the app."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=lambda route: route.template.order)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a request. As in the real host, a method that no route has is simply not found."""
        for route in self._routes:
            if method in route.methods:
                parameters = route.template.match(path)
                if parameters is not None:
                    return route, parameters
        return None


def http_route(function: Function, prefix: str) -> Route:
    """Where a function answers.

    :raises HostSettingsError: its template or authLevel is malformed.
    """
    options = function.trigger.options
    level = str(options.get("authLevel", "function")).lower()
    if level not in ("anonymous", "function", "admin"):
        msg = f"authLevel must be anonymous, function or admin, got '{level}'"
        raise HostSettingsError(msg)
    route = str(options.get("route") or function.name).strip("/")
    methods = frozenset(str(method).upper() for method in options.get("methods", ())) or _ALL_METHODS
    return Route(compile_template("/".join(filter(None, (prefix, route)))), methods, function, level)


def compile_template(template: str) -> Template:
    """Compile ``a/{b}/{c:int}/{*rest}``; matching disregards case, as ASP.NET Core does.

    Constraints that are unknown here (``minlength(2)`` and the like) are accepted and not checked.

    :raises HostSettingsError: braces do not pair, or a catch-all is not last.
    """
    defaults: dict[str, str] = {}
    segments = [segment for segment in template.split("/") if segment]
    compiled = [_segment(segment, defaults) for segment in segments]
    order = tuple(rank for _, rank in compiled)
    if _CATCH_ALL in order[:-1]:
        msg = f"route '{template}': a catch-all must be the last segment"
        raise HostSettingsError(msg)
    pattern = "".join(text for text, _ in compiled) + "/?"
    try:
        return Template(template, re.compile(pattern, re.IGNORECASE | re.DOTALL), defaults, (*order, _END))
    except re.error as error:
        msg = f"route '{template}': {error}"
        raise HostSettingsError(msg) from error


def _segment(segment: str, defaults: dict[str, str]) -> tuple[str, int]:
    """A regular expression that includes the slash in front, and the segment's rank."""
    parameters = list(_PARAMETER.finditer(segment))
    literal = _PARAMETER.sub("", segment)
    if "{" in literal or "}" in literal:
        msg = f"route segment '{segment}': expected {{name}} with matching braces"
        raise HostSettingsError(msg)
    if not parameters:
        return "/" + re.escape(segment), _LITERAL
    for parameter in parameters:
        if parameter["default"] is not None:
            defaults[parameter["name"]] = parameter["default"]
    if parameters[0]["catch_all"]:
        return f"(?:/(?P<{parameters[0]['name']}>.*))?", _CATCH_ALL
    rank = _CONSTRAINED if any(parameter["constraints"] for parameter in parameters) else _FREE
    text = "/" + _segment_pattern(segment, parameters)
    may_be_absent = not literal and (parameters[0]["optional"] or parameters[0]["default"] is not None)
    return (f"(?:{text})?" if may_be_absent else text), rank


def _segment_pattern(segment: str, parameters: Sequence[re.Match[str]]) -> str:
    pieces: list[str] = []
    end = 0
    for parameter in parameters:
        pieces.append(re.escape(segment[end : parameter.start()]))
        constraint = parameter["constraints"].lstrip(":").partition(":")[0].lower()
        pieces.append(f"(?P<{parameter['name']}>{_CONSTRAINTS.get(constraint, '[^/]+')})")
        end = parameter.end()
    return "".join(pieces) + re.escape(segment[end:])
