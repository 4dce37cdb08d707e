"""SEC010 where an extension is needed that the test server lacks, and where the observing role does not see everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import CatalogKind, CronJob, DatabaseSettings, ForeignServer, Unobserved, UserMapping
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sqltext.secrets import mask_secrets, mask_setting
from platformkit_pipeline_tests.sqltext.test_secrets import DRAWN, SERVICE_ROLE


def judged(dsn: Dsn, **changed: Any) -> dict[str, Outcome]:
    """Object → outcome of what SEC010 does not pass, on the observed database with other records in it."""
    rule = find_rule("SEC010")
    assert rule is not None
    results = evaluate(replace(observe(dsn), **changed), Declarations(), (rule,))
    return {r.object.canonical: r.outcome for r in results if r.outcome is not Outcome.PASS}


def job(name: str, command: str) -> CronJob:
    return CronJob(name, "* * * * *", mask_secrets(command), "postgres", "postgres")


def test_commands_of_scheduled_jobs_are_read(well_kept: Dsn) -> None:
    call = "select net.http_post(url := 'https://a.b', headers := '{\"Authorization\":\"Bearer %s\"}'::jsonb)"
    found = judged(well_kept, cron_jobs=(job("nightly", call % SERVICE_ROLE), job("hourly", "select public.sweep()")))
    assert found == {"cron_job nightly.postgres": Outcome.FAIL}


def test_what_could_not_be_observed_is_unknown_and_the_rest_is_judged(well_kept: Dsn) -> None:
    unseen = Unobserved(CatalogKind.CRON_JOBS.value, "permission denied for schema cron")
    server = ForeignServer("shop", "postgres", "wasm", options=(("api_key", mask_setting("api_key", DRAWN)),))
    found = judged(well_kept, unobserved=(unseen,), foreign_servers=(server,))
    assert sorted(found.values()) == [Outcome.FAIL, Outcome.UNKNOWN]
    assert found["foreign_server shop"] is Outcome.FAIL


def test_user_mappings_that_the_observer_may_not_see_are_unknown(well_kept: Dsn) -> None:
    hidden = UserMapping("robot", options_visible=False)
    assert judged(well_kept, foreign_servers=(ForeignServer("shop", "postgres", "wasm", user_mappings=(hidden,)),)) == {
        "foreign_server shop": Outcome.UNKNOWN
    }
    seen = UserMapping("robot", options=(("user", "robot"),))
    assert judged(well_kept, foreign_servers=(ForeignServer("shop", "postgres", "wasm", user_mappings=(seen,)),)) == {}


def test_settings_of_the_database_are_judged_by_name_and_value(well_kept: Dsn) -> None:
    def set_to(*pairs: tuple[str, str]) -> dict[str, Outcome]:
        settings = tuple((name, mask_setting(name, value)) for name, value in pairs)
        return judged(well_kept, database_settings=(DatabaseSettings("shop", settings),))

    assert set_to(("app.service_role_key", SERVICE_ROLE)) == {"database shop": Outcome.FAIL}
    assert set_to(("app.jwt_secret", "***")) == {"database shop": Outcome.FAIL}
    assert set_to(("app.jwt_secret_id", "***"), ("app.token_lifetime", "3600"), ("search_path", "public")) == {}


def test_settings_of_the_database_that_could_not_be_read_are_unknown(well_kept: Dsn) -> None:
    unseen = Unobserved(CatalogKind.DATABASE_SETTINGS.value, "no SELECT privilege on pg_db_role_setting")
    assert list(judged(well_kept, unobserved=(unseen,)).values()) == [Outcome.UNKNOWN]
