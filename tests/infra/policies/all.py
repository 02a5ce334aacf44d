"""Every policy."""

from __future__ import annotations

from tests.infra.policies import access, apps, events, keeping, network, watching

OF_EVENTS = (events.the_subscription_tells_of_whole_drops_and_loses_none,)
OF_EVERYTHING = (
    keeping.storage_is_closed_to_keys_and_strangers,
    keeping.storage_is_in_as_many_zones_as_the_apps,
    keeping.what_is_deleted_can_be_restored,
    keeping.containers_are_those_of_the_contract,
    keeping.blobs_are_forgotten_by_container,
    keeping.what_cannot_be_made_again_is_locked,
    keeping.the_vault_knows_identities_and_forgets_nothing,
    keeping.the_database_knows_no_passwords,
    apps.plans_are_flex_consumption,
    apps.apps_run_python_and_speak_https_alone,
    apps.passwords_publish_nothing,
    apps.apps_work_as_an_identity_of_their_own,
    apps.settings_have_names_that_flex_takes,
    apps.each_function_runs_in_one_app,
    apps.apps_grow_within_bounds,
    access.roles_are_those_of_the_table,
    access.nothing_is_known_that_opens_a_door,
    access.names_are_known_before_anything_is_there,
    access.everything_is_tagged,
    watching.telemetry_takes_identities_alone,
    watching.everything_that_can_tell_is_heard,
    watching.reads_and_writes_of_the_data_are_logged,
    watching.alerts_are_all_there_and_wake_somebody,
    watching.alerts_ask_of_what_there_is,
    watching.money_is_watched,
    network.only_the_edge_is_open,
    network.the_network_lets_nobody_in,
    network.everything_closed_has_a_private_address,
    network.the_edge_is_https_and_guarded,
    network.large_is_in_three_zones,
    events.the_topic_is_trusted_by_its_own_identity,
)
