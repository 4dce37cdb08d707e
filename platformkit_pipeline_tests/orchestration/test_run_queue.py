"""A gate that somebody waits for finds a place, whatever the night and the proofs do."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.orchestration import jobs

_TAG = "platformkit/unhurried"


def test_runs_that_take_long_cannot_take_every_place(instance: dg.DagsterInstance) -> None:
    queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    [limit] = [rule["limit"] for rule in queue.tag_concurrency_limits if rule["key"] == _TAG]
    assert 0 < limit < queue.max_concurrent_runs


def test_what_takes_long_is_marked_and_what_a_gate_launches_is_not() -> None:
    made = {name: job for name, job in vars(jobs).items() if isinstance(job, type(jobs.nightly))}
    marked = {name for name, job in made.items() if _TAG in (job.tags or {})}
    assert marked == {name for name in made if name.startswith("nightly")} | {"prove_target", "plan_target"}
