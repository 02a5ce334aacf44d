"""Route templates and access keys."""

from pathlib import Path
from typing import Any

import pytest

from local.host.functions import Binding, Function
from local.host.keys import Keys
from local.host.routes import RouteTable, compile_template, http_route
from local.host.settings import HostSettingsError


def function(name: str, **options: Any) -> Function:
    trigger = Binding("request", "httpTrigger", "in", options)
    return Function(name, Path(name), Path(name) / "__init__.py", "", trigger, (trigger,))


def table(**routes: str) -> RouteTable:
    return RouteTable(http_route(function(name, route=route), "api") for name, route in routes.items())


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/score", "/api/score", {}),
        ("api/score", "/API/Score/", {}),
        ("api/score", "/api/score/x", None),
        ("api/{model}", "/api/phone", {"model": "phone"}),
        ("api/{model}", "/api/", None),
        ("api/{model}/rows/{id:int}", "/api/phone/rows/12", {"model": "phone", "id": "12"}),
        ("api/{model}/rows/{id:int}", "/api/phone/rows/twelve", None),
        ("api/{id:int:min(3)}", "/api/12", {"id": "12"}),
        ("api/{name:minlength(2)}", "/api/ab", {"name": "ab"}),
        ("api/{*path}", "/api/models/phone/card", {"path": "models/phone/card"}),
        ("api/{*path}", "/api/models/\nphone", {"path": "models/\nphone"}),
        ("api/{*path}", "/api/", {}),
        ("api/{*path}", "/api", {}),
        ("api/{model?}", "/api", {}),
        ("api/{model=phone}", "/api", {"model": "phone"}),
        ("api/{model=phone}", "/api/sales", {"model": "sales"}),
        ("api/{file}.{kind}", "/api/card.html", {"file": "card", "kind": "html"}),
        ("api/a+b", "/api/a+b", {}),
        ("api/a+b", "/api/aab", None),
    ],
)
def test_matching(template: str, path: str, expected: dict[str, str] | None) -> None:
    """Parameters, constraints, catch-alls, optional ones and defaults; case does not count."""
    assert compile_template(template).match(path) == expected


@pytest.mark.parametrize("template", ["api/{model", "api/{*rest}/x", "api/{a}/{a}", "api/}x{"])
def test_malformed_templates(template: str) -> None:
    """A template that ASP.NET Core would refuse is refused at start."""
    with pytest.raises(HostSettingsError, match="route"):
        compile_template(template)


def test_the_more_specific_route_wins() -> None:
    """Whatever the order of the folders: literal, constrained, free, catch-all."""
    routes = table(all="{*rest}", model="{model}", number="{n:int}", health="health")
    for path, expected in {"health": "health", "7": "number", "phone": "model", "a/b": "all"}.items():
        found = routes.find("GET", f"/api/{path}")
        assert found is not None
        assert found[0].function.name == expected


def test_methods_and_unknown_paths_are_not_found() -> None:
    """A method that is not declared is a 404, not a 405, as in the real host."""
    routes = RouteTable([http_route(function("score", methods=["get", "post"]), "api")])
    assert routes.find("POST", "/api/score") is not None
    assert routes.find("HEAD", "/api/score") is None
    assert routes.find("GET", "/score") is None
    assert routes.find("GET", "/nope") is None


def test_without_prefix() -> None:
    """An empty routePrefix puts functions at the root, each under its own name."""
    assert RouteTable([http_route(function("score"), "")]).find("GET", "/score") is not None


@pytest.mark.parametrize(
    ("level", "presented", "admitted"),
    [
        ("anonymous", None, True),
        ("function", None, False),
        ("function", "wrong", False),
        ("function", "fkey", True),
        ("function", "mkey", True),
        ("admin", "fkey", False),
        ("admin", "mkey", True),
        ("function", "ключ", False),
    ],
)
def test_keys(level: str, presented: str | None, *, admitted: bool) -> None:
    """The master key opens what the function key does, and more."""
    route = http_route(function("f", authLevel=level), "api")
    assert Keys("fkey", "mkey").admit(route, presented) is admitted
    assert Keys("fkey", "mkey", enforced=False).admit(route, presented)


def test_system_keys() -> None:
    """Tools of this machine need none, but a wrong one is refused even from here."""
    keys = Keys("fkey", "mkey")
    assert keys.admit_system(None, from_this_machine=True)
    assert not keys.admit_system(None, from_this_machine=False)
    assert keys.admit_system("mkey", from_this_machine=False)
    assert not keys.admit_system("fkey", from_this_machine=True)


def test_keys_of_the_environment() -> None:
    """Given keys are taken; others are random and differ."""
    given = Keys.from_environment({"CAUCE_FUNCTION_KEY": "f", "CAUCE_MASTER_KEY": "m"})
    assert (given.function, given.master) == ("f", "m")
    random = Keys.from_environment({})
    assert len({random.function, random.master, Keys.from_environment({}).function}) == 3


def test_unknown_auth_level() -> None:
    """A typo must not open a function."""
    with pytest.raises(HostSettingsError, match="authLevel"):
        http_route(function("f", authLevel="anonymus"), "api")
