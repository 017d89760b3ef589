# Sourced by quickstart.sh and test.sh: makes .venv with the pinned versions once; EXTRAS names what to install.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=
for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "error: Python 3.11 or later is needed: install it from https://www.python.org or your system's packages." >&2
    exit 2
fi
stamp=".venv/.installed-$EXTRAS-$(cat pyproject.toml constraints.txt | cksum | tr ' ' '-')"
if [ ! -f "$stamp" ]; then
    echo "installing into .venv (once) …" >&2
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$EXTRAS]"
    touch "$stamp"
fi
