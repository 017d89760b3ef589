# Sourced by quickstart.sh and test.sh. Makes .venv once, with the versions in constraints.txt.
# EXTRAS names the extras to install.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
trap 'exit 130' INT  # pip answers Ctrl-C with an ordinary error; do not go on to the next step

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

pip_install() {
    .venv/bin/python -m pip install --disable-pip-version-check "$@" >&2
}

has_nvidia_driver() {
    command -v nvidia-smi >/dev/null || [ -e /proc/driver/nvidia ]
}

stamp=".venv/.installed-$EXTRAS-$(cat pyproject.toml constraints.txt | cksum | tr ' ' '-')"
if [ ! -f "$stamp" ]; then
    size="about 300 MB to download, 1.2 GB on the disk"
    if [ "$(uname -s)" = Linux ] && has_nvidia_driver; then
        size="about 3 GB to download, 7 GB on the disk, most of it for the GPU"
    fi
    echo "installing into .venv, once: $size. pip shows how far it is; a few minutes …" >&2
    .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv .venv

    # PyPI's torch for Linux brings gigabytes of CUDA libraries, which are useless without a driver.
    # A torch that is in .venv already stays.
    if [ "$(uname -s)" = Linux ] && ! has_nvidia_driver; then
        cpu_index=https://download.pytorch.org/whl/cpu
        torch=$(grep '^torch==' constraints.txt)
        echo "no NVIDIA driver here: trying $cpu_index for the small CPU build of $torch …" >&2
        # --no-deps because that index does not have our versions of the other packages
        pip_install --no-deps --index-url "$cpu_index" --timeout 5 --retries 0 "$torch" ||
            echo "not available there: taking torch from the index that pip is set up with …" >&2
    fi

    pip_install -c constraints.txt -e ".[$EXTRAS]"
    touch "$stamp"
fi
