#!/usr/bin/env bash
# Lint, types and the whole test suite, on a fresh machine with Python 3.11 or later.
#
#   bash scripts/test.sh                  leaves out the browser tests where there is no Chromium
#   bash scripts/test.sh --with-browser   installs Chromium first, if need be; so does CI=true
#   bash scripts/test.sh -k beam          further arguments go to pytest
set -euo pipefail
EXTRAS=dev
source "$(dirname "$0")/setup.sh"

with_browser=${CI:-false}
if [ "${1:-}" = --with-browser ]; then
    with_browser=true
    shift
fi

has_browser() {
    command -v chromedriver &&
        { command -v chromium || command -v chromium-browser || command -v google-chrome; }
} >/dev/null

install_browser() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "error: the browser tests need Chromium with its driver; on Debian and Ubuntu:" \
            "sudo apt-get install chromium chromium-driver fonts-noto-cjk" >&2
        exit 2
    fi
    echo "installing Chromium and a Chinese font with apt-get (once) …" >&2
    apt-get update >/dev/null
    apt-get install -y --no-install-recommends chromium chromium-driver fonts-noto-cjk >/dev/null
}

markers=""  # every test, the slow ones too
if ! has_browser; then
    if [ "$with_browser" = true ]; then
        install_browser
    else
        markers="not browser"
    fi
fi

.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
if [ "$markers" = "not browser" ]; then
    echo "no Chromium here: leaving out the browser tests; bash scripts/test.sh --with-browser runs them" >&2
fi
exec .venv/bin/python -m pytest -m "$markers" -n auto --maxprocesses 4 --dist loadfile "$@"
