#!/usr/bin/env bash
# Prepare .venv with govkit inside; --dev adds everything the tests need.
#
# Debian and Ubuntu packages are installed when they are missing and this user may install
# them. Without that right the commands are printed; govkit then works but for the PDF.
set -euo pipefail
cd "$(dirname "$0")/.."

dev=no
if [ "${1:-}" = --dev ]; then dev=yes; fi

say() { printf 'setup: %s\n' "$*" >&2; }
stop() {
  say "$*"
  exit 1
}

may_install() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Installs Debian packages, or returns non-zero after saying how to do it by hand.
install_packages() {
  if may_install; then
    say "installing $*"
    # An update may fail for one source of many; whether the packages come is what counts.
    as_root apt-get -q -q update >&2 || say "apt-get update reported a problem"
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -q install \
      --yes --no-install-recommends -o DPkg::Lock::Timeout=120 "$@" >&2; then
      return 0
    fi
    say "apt-get could not install $*"
  elif command -v apt-get >/dev/null; then
    say "no right to install packages here; run: sudo apt-get install $*"
  else
    say "please install what Debian calls: $*"
  fi
  return 1
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  local name
  for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if is_new_enough "$name"; then
      printf '%s\n' "$name"
      return
    fi
  done
  stop "govkit needs Python 3.11 or later, and found" \
    "$("${PYTHON:-python3}" --version 2>/dev/null || echo none)." \
    "Install one, or name it: make PYTHON=/path/to/python3.12 ..."
}

make_venv() {
  if .venv/bin/python -m pip --version >/dev/null 2>&1 && is_new_enough .venv/bin/python; then
    return
  fi
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps the venv module apart, one package for each Python.
    local version
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    install_packages "python$version-venv" || stop "$python cannot make virtual environments"
  fi
  "$python" -m venv --clear .venv
}

# Prints the Debian packages of the libraries behind the PDF that cannot be loaded.
# harfbuzz-subset is among them because without it two runs give two different PDFs.
missing_pdf_packages() {
  "$python" - <<'PYTHON'
import ctypes
from ctypes.util import find_library

for package, name, file in (
    ("libpango-1.0-0", "pango-1.0", "libpango-1.0.so.0"),
    ("libpangoft2-1.0-0", "pangoft2-1.0", "libpangoft2-1.0.so.0"),
    ("libharfbuzz-subset0", "harfbuzz-subset", "libharfbuzz-subset.so.0"),
):
    try:
        ctypes.CDLL(find_library(name) or file)
    except OSError:
        print(package)
PYTHON
}

python=$(find_python)

missing=$(missing_pdf_packages)
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086  # one word for each package
  if ! install_packages $missing; then
    if [ "$dev" = yes ]; then stop "the tests need the libraries behind the PDF"; fi
    say "going on without them: everything but the PDF is made, or the PDF is not reproducible"
  fi
fi

if [ "$dev" = yes ] && ! { command -v pdftotext && command -v pdftoppm; } >/dev/null; then
  install_packages poppler-utils || stop "the tests need pdftotext and pdftoppm"
fi

make_venv
say "installing govkit and its libraries into .venv"
if [ "$dev" = yes ]; then
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
  touch .venv/.ready-dev
else
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable .
fi
touch .venv/.ready
