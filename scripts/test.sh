#!/usr/bin/env bash
# Lint, types and the whole test suite, on a fresh machine with Python 3.11 or later.
set -euo pipefail
EXTRAS=dev
source "$(dirname "$0")/setup.sh"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
exec .venv/bin/python -m pytest "$@"
