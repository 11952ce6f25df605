#!/usr/bin/env bash
# Fetches, as wheels, what training needs beside a machine's own Python 3.12 and PyTorch: for a GPU machine without a network.
#
#   tools/gpu_kit.sh FOLDER [PACKAGE …]      by default what few images have; versions are those of requirements/
#
# There: python3 -m pip install --no-index --no-deps --target SITE FOLDER/*.whl, and SITE in PYTHONPATH.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:?"a folder for the wheels is needed"}
shift
packages=("$@")
if [ ${#packages[@]} -eq 0 ]; then
  packages=(megatron-core zstandard orjson obstore liger-kernel)
fi
platforms=()
for glibc in 2_39 2_35 2_34 2_31 2_28 2_27 2_24 2_17; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
platforms+=(--platform manylinux2014_x86_64)
python=${PYTHON:-.venv/bin/python}
mkdir -p "$folder"
for package in "${packages[@]}"; do
  pinned=$(grep -h -o -E "^$package==[^ ]+" requirements/*.txt | head -1 || true)
  "$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
    "${platforms[@]}" --dest "$folder" "${pinned:-$package}"
done
du -ch "$folder"/*.whl | sed 's/^/  /'
