#!/bin/sh
# Make .venv hold what requirements/<runtime|dev>.txt locks, and this package. Does nothing when it already does.
#
#   tools/bootstrap.sh runtime|dev
#
# A stamp in .venv keeps the hash of the lock it was made from, so a second call costs a few milliseconds. The dev lock
# is a superset of the runtime lock: a dev environment serves both. Uses uv: the one on PATH, else the one that
# requirements/installer.txt locks, which pip puts into .venv. Where pip is told of an index of its own, or uv cannot be had, pip
# does it all; that takes two minutes more, and the result is the same.
set -eu
umask 022
export LC_ALL=C
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX || :

flavour=${1:?usage: bootstrap.sh runtime|dev}
case $flavour in
  runtime | dev) ;;
  *) echo "bootstrap: '$flavour' is neither runtime nor dev" >&2; exit 2 ;;
esac
cd -- "$(dirname -- "$0")/.."
root=$(pwd -P)
venv=$root/.venv
stamp=$venv/.platformkit-stamp

say() { echo "bootstrap: $*" >&2; }
digest() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

# The stamp's lines: where the environment was made (it cannot be moved), the locks it satisfies, the metadata it was installed with.
wanted_package=$(digest pyproject.toml platformkit_pipeline/__init__.py)
runtime_lock=$(digest requirements/runtime.txt)
dev_lock=$(digest requirements/dev.txt)
if [ "$flavour" = dev ]; then wanted_lock=$dev_lock; else wanted_lock=$runtime_lock; fi
have() { [ -f "$stamp" ] && grep -qxF -- "$1" "$stamp"; }

up_to_date() {
  have "root $root" && have "lock $wanted_lock" && have "package $wanted_package" && [ -x "$venv/bin/python" ]
}

if up_to_date; then exit 0; fi

# One bootstrap at a time: two `make` calls side by side wait for each other, and the second finds the work done.
if command -v flock >/dev/null 2>&1; then
  exec 9<requirements/runtime.txt
  flock 9
  if up_to_date; then exit 0; fi
fi

uv=$(command -v uv 2>/dev/null || :)

suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; }
makes_environments() { [ -n "$uv" ] || "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() {
  without_venv=
  for candidate in ${PLATFORMKIT_PYTHON:-} python3.13 python3.12 python3.11 python3; do
    found=$(command -v "$candidate" 2>/dev/null) && suitable "$found" || continue
    if makes_environments "$found"; then echo "$found"; return; fi
    without_venv=$found
  done
  if [ -n "$without_venv" ]; then
    say "$without_venv cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv) or put uv on PATH"
  else
    say "needs Python 3.11, 3.12 or 3.13, and none of python3.13, python3.12, python3.11, python3 is one"
  fi
  exit 2
}

# An environment made from other locks may hold packages that these do not: it is made anew, never patched.
made_from_these_locks() {
  [ -f "$stamp" ] && ! grep '^lock ' "$stamp" | grep -qvxF -e "lock $runtime_lock" -e "lock $dev_lock"
}

started=$(date +%s)
if ! have "root $root" || ! made_from_these_locks || ! "$venv/bin/python" -c '' >/dev/null 2>&1; then
  python=$(find_python) || exit 2
  say "making .venv with $("$python" -V)"
  rm -rf "$venv"
  if [ -n "$uv" ]; then
    UV_PYTHON_DOWNLOADS=never "$uv" venv --quiet --no-project --python "$python" "$venv"
  else
    "$python" -m venv "$venv"
  fi
  echo "root $root" >"$stamp"
fi

# An index of pip's configuration, be it a file or the environment, is not known to uv: pip is not passed by where one is set.
fetch_uv() {
  if "$venv/bin/python" -m pip config list 2>/dev/null | grep -q '\.\(no-\)\{0,1\}index'; then return 0; fi
  if "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    --require-hashes -r requirements/installer.txt 2>/dev/null; then
    uv=$venv/bin/uv
    export UV_SYSTEM_CERTS=1 # as pip does
  fi
}

install_with_uv() {
  "$uv" pip install --quiet --python "$venv/bin/python" --require-hashes --compile-bytecode -r "requirements/$flavour.txt"
}

install_with_pip() {
  # The lock is complete, so there is nothing to resolve, and its hashes decide what is accepted, so warnings about
  # where pip looked are silenced (-qq). pip would compile with one process, compileall uses all.
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input --no-deps --no-compile \
    --require-hashes -r "requirements/$flavour.txt"
  # A few packages carry templates that are not valid Python; what cannot be compiled is compiled, or not, on import.
  "$venv/bin/python" -W ignore -m compileall -q -j 0 "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" >/dev/null || :
}

if ! have "lock $wanted_lock"; then
  say "installing requirements/$flavour.txt"
  if [ -n "$uv" ]; then
    install_with_uv
  else
    [ -x "$venv/bin/pip" ] || "$venv/bin/python" -m ensurepip >/dev/null
    fetch_uv
    # What uv cannot reach, pip may: it knows of proxies, certificates and mirrors that uv does not.
    if [ -z "$uv" ] || ! install_with_uv 2>/dev/null; then
      uv=
      install_with_pip
    fi
  fi
fi

if [ -n "$uv" ]; then
  "$uv" pip install --quiet --python "$venv/bin/python" --no-build-isolation --no-deps --editable .
else
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input --no-build-isolation --no-deps --editable .
fi

{
  echo "root $root"
  {
    grep '^lock ' "$stamp" || :
    echo "lock $wanted_lock"
    [ "$flavour" = runtime ] || echo "lock $runtime_lock"
  } | sort -u
  echo "package $wanted_package"
} >"$stamp.new"
mv -f "$stamp.new" "$stamp"
say "ready after $(($(date +%s) - started)) s"
