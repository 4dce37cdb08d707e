from __future__ import annotations

import pytest

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.operations.resolve_dsn import dsn_from_environment


def test_the_value_of_the_variable_is_taken_without_surrounding_blanks() -> None:
    assert dsn_from_environment("SHOP", environment={"SHOP": "\tpostgresql:///shop \n"}).reveal() == "postgresql:///shop"


@pytest.mark.parametrize("given", ["postgresql://me:hunter2@db/shop", "host=db password=hunter2", "hunter2!", ""])
def test_a_connection_string_in_place_of_a_name_is_not_repeated(given: str) -> None:
    with pytest.raises(ConfigurationError, match="expected the name of an environment variable") as caught:
        dsn_from_environment(given, environment={})
    assert "hunter2" not in str(caught.value)
