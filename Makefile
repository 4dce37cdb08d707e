# Every target bootstraps .venv by itself and may be called from anywhere. `make help` lists them.

ROOT := $(shell cd -- "$$(dirname -- "$$(printf '%s' '$(MAKEFILE_LIST)' | sed 's/^ *//')")" && pwd -P)
BIN := $(ROOT)/.venv/bin

# The same result whatever the caller's shell is set to.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONWARNINGS PYTEST_ADDOPTS LANGUAGE
export LC_ALL := C.UTF-8
export PYTHONUTF8 := 1
export DAGSTER_DISABLE_TELEMETRY := true

WORKERS ?= 2
MIN_COVERAGE := 85
IN_ROOT := umask 022 && cd "$(ROOT)" &&
# Rules that a clone cannot answer, and those about a change, which need --base.
ONLY_ON_GITHUB := SEC006,SEC007,SEC008,CIC020,CIC021,CIC022,CIC023,CIC033,CIC034,CIC035,CIC036,CIC037,CIC038,CIC039,CIC040,SPC004
BENCHMARKS = $(wildcard benchmarks/*.py)

.DEFAULT_GOAL := help
.PHONY: help demo up test test-exhaustive lint self-test bench lock clean secrets audit sbom gates self-scan oracle runtime-environment dev-environment

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' "$(ROOT)/Makefile" | expand -t 12

demo: runtime-environment ## the whole road once, on real PostgreSQL: observe, store, judge, plan, prove
	@$(IN_ROOT) "$(BIN)/platformkit" demo

up: runtime-environment ## serve the Dagster web interface and daemon on loopback, until interrupted
	@$(IN_ROOT) exec "$(BIN)/platformkit" up

test: dev-environment ## all tests on real PostgreSQL, with a lower bound for coverage
	@$(IN_ROOT) "$(BIN)/python" -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term --cov-fail-under=$(MIN_COVERAGE) $(PYTEST_ARGS)

test-exhaustive: dev-environment ## hard cases of every kind of patch, and the plans of all planted violations (minutes)
	@$(IN_ROOT) "$(BIN)/python" -m pytest -n $(WORKERS) -m exhaustive $(PYTEST_ARGS)

lint: dev-environment ## style, types, import rules, licences, tracked files, generated documents and diagrams
	@$(IN_ROOT) "$(BIN)/ruff" check .
	@$(IN_ROOT) "$(BIN)/ruff" format --check .
	@$(IN_ROOT) "$(BIN)/mypy" platformkit_pipeline platformkit_pipeline_tests tools $(BENCHMARKS)
	@$(IN_ROOT) "$(BIN)/lint-imports"
	@$(IN_ROOT) "$(BIN)/python" tools/check_repository.py
	@$(IN_ROOT) "$(BIN)/python" -m tools.check_observability
	@$(IN_ROOT) "$(BIN)/platformkit" docs --check
	@$(IN_ROOT) "$(BIN)/platformkit" docs diagrams --check

self-test: runtime-environment ## every rule against its own examples, on a throw-away PostgreSQL
	@$(IN_ROOT) "$(BIN)/platformkit" rules self-test

bench: dev-environment ## run every benchmark in benchmarks/, the whole scan among them
	@$(IN_ROOT) for benchmark in $$(grep -l '^if __name__' benchmarks/*.py); do name=$${benchmark#benchmarks/}; name=$${name%.py}; \
	  echo "== $$name"; "$(BIN)/python" -m "benchmarks.$$name" || exit 1; done

secrets: dev-environment ## no secret in the tree or in the history
	@$(IN_ROOT) "$(BIN)/platformkit" scan --repo . --select SEC001,SEC002,SEC003,SEC004,SEC005

audit: dev-environment ## known vulnerabilities of the locked dependencies (needs the network)
	@$(IN_ROOT) "$(BIN)/pip-audit" --strict --require-hashes --disable-pip -r requirements/runtime.txt

sbom: dev-environment ## bill of materials of the locked dependencies, the same bytes for the same lock, into sbom.json
	@$(IN_ROOT) "$(BIN)/cyclonedx-py" requirements requirements/runtime.txt --output-reproducible --of JSON -o sbom.json

gates: dev-environment ## the plain SQL gates on the control plane that our migrations make (needs psql)
	@$(IN_ROOT) "$(BIN)/python" -m tools.gates sql/gates/check_rls_coverage.sql sql/gates/check_function_security.sql sql/gates/check_extensions_schema.sql

self-scan: dev-environment ## this repository by its own rules, but those that only GitHub answers
	@$(IN_ROOT) "$(BIN)/platformkit" scan --repo . --fail-on medium --ignore $(ONLY_ON_GITHUB) $(SCAN_ARGS)

oracle: dev-environment ## compare our findings with the Supabase advisors and pgrls (needs npm and the network; minutes)
	@$(IN_ROOT) "$(BIN)/python" -m tools.oracle
	@$(IN_ROOT) "$(BIN)/python" -m tools.oracle.patched

lock: ## resolve the dependencies anew and write requirements/*.txt (needs uv)
	@$(IN_ROOT) sh tools/lock.sh

clean: ## remove .venv and caches; data under .platformkit stays
	@$(IN_ROOT) rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov build dist
	@$(IN_ROOT) find . -path ./.platformkit -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

runtime-environment:
	@sh "$(ROOT)/tools/bootstrap.sh" runtime

dev-environment:
	@sh "$(ROOT)/tools/bootstrap.sh" dev
