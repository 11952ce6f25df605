#!/usr/bin/env bash
# Builds the virtual environment VENV from requirements.txt, or keeps it when nothing it was built from has changed.
#   tools/setup_venv.sh VENV REQUIREMENTS_FILE...
# PYTHON names the interpreter; without it the first of python3.11, python3.12, python3 that is 3.11 or 3.12 is taken.
set -euo pipefail

venv=$1
shift

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; }

python=${PYTHON:-}
if [[ -z $python ]]; then
    for candidate in python3.11 python3.12 python3; do
        if suits "$candidate"; then
            python=$candidate
            break
        fi
    done
fi
if [[ -z $python ]] || ! suits "$python"; then
    echo "setup: Python 3.11 or 3.12 is needed and was not found${PYTHON:+ (PYTHON=$PYTHON)}; install it, or name it: make PYTHON=/path/to/python3.11 setup" >&2
    exit 2
fi

stamp=$venv/.built-from
wanted=$({ "$python" --version; cat "$@"; } | sha256sum | cut -d' ' -f1)
if [[ -x $venv/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    exit 0
fi

echo "setup: building $venv with $("$python" --version) (a few minutes the first time)"
rm -f "$stamp"
if [[ ! -x $venv/bin/python ]] && ! "$python" -m venv "$venv"; then
    echo "setup: '$python -m venv $venv' failed; on Debian and Ubuntu install the package python3-venv" >&2
    exit 2
fi
constraints=()
if [[ -f requirements/constraints.txt ]]; then
    constraints=(-c requirements/constraints.txt)
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${constraints[@]}" -r requirements.txt
echo "$wanted" > "$stamp"
echo "setup: done"
