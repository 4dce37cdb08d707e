"""Run plain SQL gates with psql on the control plane that our own migrations make, on a throw-away server.

    python -m tools.gates sql/gates/check_rls_coverage.sql ...

Ends with the first gate's exit code that is not 0.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from platformkit_pipeline.control_plane.migrations import migrate
from platformkit_pipeline.sandbox.databases import create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

PSQL = "psql"


def main(gates: list[str]) -> int:
    """Exit code for the command line."""
    if not gates:
        print("gates: name the files to run, e.g. sql/gates/check_rls_coverage.sql", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="platformkit-gates-") as place:
        server = EmbeddedPostgres(Path(place) / "data")
        server.ensure()
        try:
            dsn = create_database(server.dsn(), "control_plane")
            migrate(dsn)
            for gate in gates:
                print(f"{gate}: ", end="", flush=True)
                done = subprocess.run(
                    [PSQL, dsn.reveal(), "-X", "-v", "exposed_schemas=ops", "-f", gate], check=False, stdin=subprocess.DEVNULL
                )
                if done.returncode:
                    return done.returncode
        finally:
            server.destroy()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
