"""The policies notice: each mutation is made in the Bicep files, compiled, and must be found by its policy."""

from pathlib import Path

import pytest

from tests.infra.compiler import needs_compiler
from tests.infra.copies import copied
from tests.infra.mutations import MUTATIONS, Mutation
from tests.infra.policies.all import OF_EVENTS, OF_EVERYTHING
from tests.infra.policies.expecting import Policy
from tests.infra.service import Service

pytestmark = [needs_compiler, pytest.mark.xdist_group("bicep")]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_is_noticed(mutation: Mutation, service: Service, tmp_path: Path) -> None:
    infra = copied(tmp_path)
    file = infra / mutation.file
    source = file.read_text()
    assert mutation.old in source, "this mutation changes nothing any more"
    file.write_text(source.replace(mutation.old, mutation.new))
    deployed = service.snapshot(infra / "parameters" / f"{mutation.size}.bicepparam")
    assert list(mutation.policy(deployed)) != []


@pytest.mark.parametrize("policy", OF_EVENTS, ids=lambda policy: policy.__name__)
def test_without_a_mutation_the_events_phase_keeps_to(policy: Policy, service: Service, tmp_path: Path) -> None:
    deployed = service.snapshot(copied(tmp_path) / "parameters" / "events.bicepparam")
    assert list(policy(deployed)) == []


def test_every_policy_has_a_mutation_that_it_notices() -> None:
    noticed = {mutation.policy for mutation in MUTATIONS}
    assert [policy.__name__ for policy in (*OF_EVERYTHING, *OF_EVENTS) if policy not in noticed] == []
