"""Run in a process of its own: `python mlflow_migrations.py URL` makes MLflow's tables by its own migrations."""

from __future__ import annotations

import sys

from mlflow.store.db.utils import _initialize_tables
from sqlalchemy import create_engine

if __name__ == "__main__":
    _initialize_tables(create_engine(sys.argv[1]))  # type: ignore[no-untyped-call]  # the package has no types
