#!/bin/sh
# Resolve the dependencies anew: requirements/runtime.txt first, then requirements/dev.txt as its superset, and what installs them.
set -eu
cd -- "$(dirname -- "$0")/.."
command -v uv >/dev/null 2>&1 || { echo "lock: uv is needed to resolve dependencies; install it and put it on PATH" >&2; exit 2; }

locked() {
  uv pip compile "$@" --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q
}
compile() {
  locked pyproject.toml requirements/build.in --extra sandbox "$@"
}

locked requirements/installer.in -o requirements/installer.txt
compile -o requirements/runtime.txt
compile --extra test --extra api-contracts --extra bench --extra foreign-schemas --extra lint -c requirements/runtime.txt -o requirements/dev.txt
