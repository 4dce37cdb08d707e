"""The control plane is held to the constitution that it keeps the books of."""

from __future__ import annotations

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline_tests.rules.conftest import RULES


def test_our_own_schema_has_no_finding(control_plane: Dsn) -> None:
    results = evaluate(observe(control_plane), Declarations(exposed_schemas=("ops",)), RULES)
    assert [(r.rule, r.object.canonical, r.message) for r in results if r.is_finding] == []
    assert sum(r.count for r in results) > 100
