from __future__ import annotations

from dataclasses import replace

import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.targets import TargetChanges
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline_tests.control_plane.builders import SHOP

BLOG = Target(TargetKind.SUPABASE_PROJECT, "blog", Environment.STAGING)
SHOP_REPOSITORY = Target(TargetKind.REPOSITORY, SHOP.name)


def audited(connection: Connection) -> list[tuple[str, str]]:
    return [
        (action, name)
        for action, name in connection.execute(
            "select action, object from ops.audit_log where action like 'target.%' order by seq"
        ).fetchall()
    ]


def test_new_targets_are_added_and_audited(pipeline: Connection) -> None:
    assert targets.sync(pipeline, [SHOP, BLOG]) == TargetChanges(added=(BLOG, SHOP))
    assert [t.target for t in targets.list_active(pipeline)] == [BLOG, SHOP]
    assert audited(pipeline) == [("target.added", "supabase_project/blog"), ("target.added", "supabase_project/shop-production")]


def test_the_same_list_again_writes_nothing(pipeline: Connection, superuser: Connection) -> None:
    targets.sync(pipeline, [SHOP, BLOG])
    pipeline.commit()
    rows = superuser.execute("select ctid, xmin, * from ops.targets order by target_id").fetchall()
    assert targets.sync(pipeline, [BLOG, SHOP]) == TargetChanges()
    pipeline.commit()
    assert superuser.execute("select ctid, xmin, * from ops.targets order by target_id").fetchall() == rows
    assert len(audited(pipeline)) == 2


def test_a_changed_target_keeps_its_id(pipeline: Connection) -> None:
    targets.sync(pipeline, [SHOP])
    before = targets.find(pipeline, SHOP.kind, SHOP.name)
    moved = replace(SHOP, environment=Environment.STAGING, owners=("team:checkout", "team:shop"))
    assert targets.sync(pipeline, [moved]) == TargetChanges(changed=(moved,))
    after = targets.find(pipeline, SHOP.kind, SHOP.name)
    assert before is not None
    assert after == replace(before, target=moved)


def test_a_target_that_is_no_longer_listed_is_retired_and_not_deleted(pipeline: Connection) -> None:
    targets.sync(pipeline, [SHOP, BLOG])
    assert targets.sync(pipeline, [BLOG]) == TargetChanges(removed=(SHOP,))
    retired = targets.find(pipeline, SHOP.kind, SHOP.name)
    assert retired is not None
    assert retired.retired_at is not None
    assert [t.target for t in targets.list_active(pipeline)] == [BLOG]
    assert audited(pipeline)[-1] == ("target.retired", "supabase_project/shop-production")
    assert targets.sync(pipeline, [BLOG]) == TargetChanges()


def test_a_retired_target_that_is_listed_again_comes_back_with_its_id(pipeline: Connection) -> None:
    targets.sync(pipeline, [SHOP])
    before = targets.find(pipeline, SHOP.kind, SHOP.name)
    targets.sync(pipeline, [])
    assert targets.sync(pipeline, [SHOP]) == TargetChanges(added=(SHOP,))
    assert targets.find(pipeline, SHOP.kind, SHOP.name) == before


def test_kinds_have_names_of_their_own(pipeline: Connection) -> None:
    targets.sync(pipeline, [SHOP, SHOP_REPOSITORY])
    found = targets.find(pipeline, TargetKind.REPOSITORY, SHOP.name)
    assert found is not None
    assert found.target == SHOP_REPOSITORY
    assert targets.find(pipeline, TargetKind.CONNECTOR, SHOP.name) is None


def test_two_targets_of_one_name_are_refused_before_anything_is_written(pipeline: Connection) -> None:
    with pytest.raises(ConfigurationError, match="two targets are called supabase_project 'shop-production'"):
        targets.sync(pipeline, [SHOP, replace(SHOP, environment=Environment.STAGING)])
    assert targets.list_active(pipeline) == ()


def test_five_thousand_targets_are_synchronised_in_one_step(pipeline: Connection) -> None:
    fleet = [Target(TargetKind.SUPABASE_PROJECT, f"project-{n:05}") for n in range(5000)]
    assert len(targets.sync(pipeline, fleet).added) == 5000
    assert targets.sync(pipeline, fleet) == TargetChanges()
    assert len(targets.sync(pipeline, fleet[1:]).removed) == 1
