#!/usr/bin/env bash
# Lint, types and the whole test suite, on a fresh machine with Python 3.11 or later.
set -euo pipefail
EXTRAS=dev
source "$(dirname "$0")/setup.sh"
if ! command -v chromedriver >/dev/null || ! { command -v chromium || command -v google-chrome; } >/dev/null; then
    # The tests of the page drive a real browser.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Chromium and a Chinese font (once) …" >&2
        { apt-get update && apt-get install -y --no-install-recommends chromium chromium-driver fonts-noto-cjk; } >/dev/null
    else
        echo "warning: no Chromium with its driver here: the tests of the page will fail. On Debian and Ubuntu:" >&2
        echo "  sudo apt install chromium chromium-driver fonts-noto-cjk" >&2
    fi
fi
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
exec .venv/bin/python -m pytest -m "" -n auto --maxprocesses 4 --dist loadfile "$@"  # the slow ones, too
