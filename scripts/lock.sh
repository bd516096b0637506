#!/usr/bin/env bash
# Makes the locks again from pyproject.toml: `make lock`. Versions that are locked stay, unless pyproject.toml says
# otherwise; `make lock UPGRADE=1` takes the newest that it allows.
#
#   requirements.txt            machines with an NVIDIA GPU: the full closure, torch's own CUDA packages included
#   requirements-cpu.txt        all others: the same versions without the CUDA packages, for torch's CPU wheel
#   requirements-documents.txt  what the extra `documents` adds to either
#   requirements-dev.txt        the tools of `make check` and `make test`, for both
set -euo pipefail
cd "$(dirname "$0")/.."

uv=${UV:-.venv/bin/uv}
upgrade=()
if [ -n "${UPGRADE:-}" ]; then upgrade=(--upgrade); fi
# What uv makes of `environments` in pyproject.toml, as a pattern.
linux="(python_full_version < '3.15' and platform_machine == 'MACHINE' and platform_python_implementation == 'CPython' and"
linux="\\$linux sys_platform == 'linux'\\)"
linux="${linux/MACHINE/aarch64} or ${linux/MACHINE/x86_64}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile FILE HEADER ARGUMENT...: one resolution for every Python that requires-python allows.
compile() {
    local file=$1 header=$2
    shift 2
    cp "$file" "$work/$file" 2>/dev/null || true # what is locked is preferred
    "$uv" pip compile --quiet --universal --no-header --annotation-style line "${upgrade[@]}" \
        --output-file "$work/$file" "$@" >"$work/resolved"
    {
        echo "# $header"
        echo "# Made by scripts/lock.sh from pyproject.toml, which has the reasons. Do not edit."
        # Every line holds for the same two kinds of machine, so that marker says nothing; nor do uv's notes on which
        # constraint confirmed a version.
        sed -E -e "s/ ; $linux( |\$)/\1/" -e 's/,? -c requirements(-documents)?\.txt//' \
            -e 's/,? (-c|--override) \(workspace\)//' -e 's/# via, /# via /' "$work/$file"
    } >"$work/done"
    mv "$work/done" "$file"
    echo "$file: $(grep -c == "$file") packages"
}

compile requirements.txt "Machines with an NVIDIA GPU. Install with --no-deps." --group build pyproject.toml
grep -oE '^(cuda|nvidia)-[a-z0-9-]+' requirements.txt >"$work/cuda"
compile requirements-cpu.txt "Machines without an NVIDIA GPU. Install with --no-deps." --group build \
    --constraint requirements.txt --excludes "$work/cuda" pyproject.toml
{ cat "$work/cuda" && echo torch; } >"$work/torch" # nothing in the extra asks for them
compile requirements-documents.txt "The extra documents: beside another lock. Install with --no-deps." --extra documents \
    --constraint requirements.txt --excludes "$work/torch" pyproject.toml
# The notes of a package that both have differ.
cut -d'#' -f1 requirements.txt | sed -E 's/ +$//; /^$/d' >"$work/known"
awk -F'  #' 'NR == FNR { known[$0]; next } !($1 in known)' "$work/known" requirements-documents.txt >"$work/added"
mv "$work/added" requirements-documents.txt
echo "  of them added to requirements.txt: $(grep -c == requirements-documents.txt)"
compile requirements-dev.txt "Tools of make check and make test. Install with --no-deps." --group dev \
    --constraint requirements.txt --constraint requirements-documents.txt
