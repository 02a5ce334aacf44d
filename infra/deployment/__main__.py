"""``python -m infra.deployment``: put Cauce on Azure, step by step; what is done is not done again after a failure."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from infra.deployment.azure import Az, Patience
from infra.deployment.deployment import ASKED, INFRA, ROOT, Deployment, claims, missing_variables, what_is_asked
from infra.deployment.faults import DeploymentError
from infra.deployment.state import State
from infra.deployment.steps import STEPS, infrastructure
from infra.packaging.locks import PackagingError

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(words: list[str] | None = None) -> int:
    """Do what the command line asks; return the exit code."""
    parsed = _parser().parse_args(words)
    try:
        environment, subscription = _login(parsed, dict(os.environ))
        deployment = _deployment(parsed, environment, subscription)
        if parsed.what_if:
            deployment.az.shown(*infrastructure(deployment, "what-if"))
            return 0
        _take_steps(deployment, parsed.start, parsed.until)
    except (DeploymentError, PackagingError) as error:
        print(f"\nDeployment stopped. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. make deploy goes on where this was.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deployment", description=__doc__)
    parser.add_argument("--group", default="rg-cauce", help="resource group (default: rg-cauce)")
    parser.add_argument("--location", default="westeurope", help="where the group is made (default: westeurope)")
    parser.add_argument("--parameters", type=Path, default=INFRA / "parameters" / "small.bicepparam", metavar="FILE")
    parser.add_argument("--packages", type=Path, metavar="FOLDER", help="with the two zips, built before")
    parser.add_argument("--from", dest="start", choices=STEPS, metavar="STEP", help=f"go on there: {', '.join(STEPS)}")
    parser.add_argument("--until", choices=STEPS, metavar="STEP", help="stop after it")
    parser.add_argument("--what-if", action="store_true", help="ask Azure what would change, and change nothing")
    parser.add_argument(
        "--state", type=Path, default=ROOT / ".local" / "deploy", metavar="FOLDER", help="of earlier runs"
    )
    parser.add_argument("--dry-run", action="store_true", help="print every command, run none")
    parser.add_argument(
        "--patience", type=float, default=900, metavar="SECONDS", help="for what spreads (default: 900)"
    )
    parser.add_argument("--poll", type=float, default=10, metavar="SECONDS", help="between two looks (default: 10)")
    return parser


def _login(parsed: argparse.Namespace, environment: dict[str, str]) -> tuple[dict[str, str], str]:
    """The environment that commands run in, and the subscription that they go to."""
    if not parsed.parameters.is_file():
        message = f"--parameters: expected a file like infra/parameters/small.bicepparam, got {parsed.parameters}"
        raise DeploymentError(message)
    environment = {"LOCATION": parsed.location, **environment}
    az = Az(environment, parsed.dry_run)
    account = az("account", "show", otherwise={"id": "<subscription>", "name": "<name>", "user": {"name": "<who>"}})
    print(f"subscription {account['name']} ({account['id']}), as {account['user']['name']}, group {parsed.group}")
    missing = missing_variables(parsed.parameters, environment)
    if missing and not parsed.dry_run:
        named = "; ".join(f"{name}: expected {ASKED[name]}, got nothing" for name in missing)
        message = f"{named}. Set it before the command: {missing[0]}=... make deploy"
        raise DeploymentError(message)
    if not parsed.dry_run and not environment.get("OPERATORS_ID"):
        who = claims(az("account", "get-access-token")["accessToken"])
        environment["OPERATORS_ID"] = who["oid"]
        environment["OPERATORS_TYPE"] = "ServicePrincipal" if who.get("idtyp") == "app" else "User"
    return environment, str(account["id"])


def _deployment(parsed: argparse.Namespace, environment: Mapping[str, str], subscription: str) -> Deployment:
    parameters = parsed.parameters.resolve()
    file = parsed.state / f"{subscription}-{parsed.group}.json"
    return Deployment(
        az=Az(environment, parsed.dry_run),
        state=State.read(file, what_is_asked(parameters, parsed.location, environment)),
        group=parsed.group,
        location=parsed.location,
        parameters=parameters,
        packages=(parsed.packages or ROOT / "dist").resolve(),
        build=parsed.packages is None,
        patience=Patience(parsed.patience, parsed.poll),
    )


def _take_steps(deployment: Deployment, start: str | None, until: str | None) -> None:
    steps, state = list(STEPS), deployment.state
    if start and not deployment.az.dry:
        state.start_over(start, steps)
    began = time.monotonic()
    for place, step in enumerate(steps, 1):
        title = f"[{place}/{len(steps)}] {step}"
        before_start = start is not None and steps.index(start) >= place
        if (step in state.done and not deployment.az.dry) or before_start:
            print(f"{title}: done before", flush=True)
            continue
        print(title, flush=True)
        taken = time.monotonic()
        STEPS[step](deployment)
        if not deployment.az.dry:
            state.finish(step)
            print(f"  {time.monotonic() - taken:.1f} s", flush=True)
        if step == until:
            return
    if not deployment.az.dry:
        state.end()
        print(f"Cauce answers at {deployment.output('scoringUrl')}/api, after {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    sys.exit(main())
