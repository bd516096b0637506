#!/usr/bin/env bash
# Makes .venv ready, or sees within milliseconds that it is. Called by make and by the Dockerfile; safe to interrupt.
#
#   scripts/setup.sh              packages, llama.cpp and Imprint itself
#   scripts/setup.sh --dev        also the tools of `make check` and `make test`
#   scripts/setup.sh --packages   packages and llama.cpp only: needs the locks, but not the sources
#
# Environment:
#   VENV              the virtual environment to make (.venv)
#   EXTRAS            documents: also what reads PDF, HTML, DOCX, PPTX and EPUB; once installed it is kept up to date
#   PYTHON            the Python to make it with (the first fitting one on PATH)
#   ACCELERATOR       cpu, cuda, auto: cuda where nvidia-smi finds a GPU, or toolkit: cuda where nvcc is, for builds of
#                     images, which see no GPU (auto)
#   TORCH_INDEX       where torch's CPU wheel is, if pip's own configuration has none (PyTorch's public index)
#   LLAMA_CMAKE_ARGS  more CMake arguments for llama.cpp, e.g. -DGGML_NATIVE=OFF for an image that moves between CPUs
# shellcheck disable=SC2329 # some functions are called by the name that `step` is given
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
EXTRAS=${EXTRAS:-}
ACCELERATOR=${ACCELERATOR:-auto}
TORCH_INDEX=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
LLAMA_CMAKE_ARGS=${LLAMA_CMAKE_ARGS:-}
OLDEST=3.11
NEWEST=3.14 # Unsloth's limit
share=$VENV/share/imprint/llama.cpp
log=$VENV/setup.log
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

fail() {
    printf '\nSet-up failed: %s\n' "$1" >&2
    shift
    if [ $# -gt 0 ]; then printf '%s\n' "$@" >&2; fi
    exit 1
}

# ---- is it due? -----------------------------------------------------------------------------------------------------

find_nvcc() { PATH=$PATH:/usr/local/cuda/bin command -v nvcc; }

find_kind() {
    case $ACCELERATOR in
    cpu | cuda) kind=$ACCELERATOR ;;
    toolkit) if find_nvcc >/dev/null; then kind=cuda; else kind=cpu; fi ;;
    auto)
        kind=cpu
        # The device nodes first: without one there is no need to wait for nvidia-smi.
        if [ -e /dev/nvidiactl ] || [ -e /dev/dxg ]; then
            if [ "$(cat "$VENV/.imprint-kind" 2>/dev/null)" = cuda ] || nvidia-smi -L >/dev/null 2>&1; then kind=cuda; fi
        fi
        ;;
    *) fail "ACCELERATOR is '$ACCELERATOR'; expected cpu, cuda, auto or toolkit." ;;
    esac
    nvcc=""
    if [ "$kind" = cuda ]; then nvcc=$(find_nvcc || true); fi
}

digest() { cat "$@" | sha256sum | cut -c1-16; }

is_ready() { # STAMP DIGEST
    [ -x "$VENV/bin/python" ] && [ "$(cat "$VENV/$1" 2>/dev/null)" = "$2" ]
}

# ---- the machine ----------------------------------------------------------------------------------------------------

find_python() {
    local candidate version found=""
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
        if "$candidate" -c "import sys; sys.exit(not ($OLDEST_TUPLE <= sys.version_info[:2] <= $NEWEST_TUPLE))"; then
            python=$candidate
            python_version=$version
            return
        fi
        found+="${found:+, }$candidate is $version"
    done
    fail "no Python $OLDEST to $NEWEST. Found: ${found:-none}." \
        "Install one, for example: sudo apt install python3 python3-venv, or name it: make setup PYTHON=/path/to/python3"
}
OLDEST_TUPLE="(${OLDEST/./, })"
NEWEST_TUPLE="(${NEWEST/./, })"

make_venv() {
    local clear=()
    if [ -e "$VENV" ]; then
        if [ ! -e "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV")" ]; then
            fail "$VENV exists and is not a virtual environment." "Move it away, or choose another place: make setup VENV=..."
        fi
        if "$VENV/bin/python" -c "import pip, sys; sys.exit(not ($OLDEST_TUPLE <= sys.version_info[:2] <= $NEWEST_TUPLE))" \
            2>/dev/null && [ ! -e "$VENV/.imprint-installing" ] &&
            [ "$(cat "$VENV/.imprint-kind" 2>/dev/null || echo "$kind")" = "$kind" ]; then
            python_version=$("$VENV/bin/python" -c 'import platform; print(platform.python_version())')
            return
        fi
        # Broken, for another kind of machine, or left by a set-up that was killed while pip wrote files.
        clear=(--clear)
    fi
    find_python
    # Debian and Ubuntu keep ensurepip in a package of its own.
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python ($python_version) cannot make virtual environments." \
            "Install the missing package: sudo apt install python${python_version%.*}-venv"
    "$python" -m venv "${clear[@]}" "$VENV"
}

require_compiler() {
    local name
    for name in ${CXX:+"$CXX"} c++ g++ clang++; do
        if command -v "$name" >/dev/null; then
            compiler=$name
            return
        fi
    done
    fail "no C++ compiler, and llama.cpp is built from source." "Install one: sudo apt install g++"
}

# ---- the work -------------------------------------------------------------------------------------------------------

note() { printf '  %s\n' "$1"; }

# attempt TEXT COMMAND...: one line with the seconds it took; the command's own words go to the log.
attempt() {
    local text=$1 before=$SECONDS
    shift
    printf '  %-72s' "$text"
    printf '\n== %s\n$ %s\n' "$text" "$*" >>"$log"
    if "$@" >>"$log" 2>&1; then
        printf '%4d s\n' $((SECONDS - before))
    else
        printf 'failed, %d s\n' $((SECONDS - before))
        return 1
    fi
}

step() { # TEXT COMMAND...: an attempt that must not fail
    attempt "$@" && return
    printf '\nThe end of %s:\n\n' "$log" >&2
    tail -n 25 "$log" >&2
    fail "$1." "The whole log: $log. What is done stays done: the same command goes on from here."
}

pip() { "$VENV/bin/python" -m pip "$@"; }

# The marker outlives only a kill, never pip's own failure: then files may be half written, and the venv is made anew.
pip_install() {
    local status=0
    touch "$VENV/.imprint-installing"
    pip install --no-deps "$@" || status=$?
    rm "$VENV/.imprint-installing"
    return "$status"
}

pin() { grep -oE "^$1==[^ ]+" "$lock" | cut -d= -f3; } # PACKAGE: its version in the lock

offers_torch() { # VERSION PIP-OPTION...
    local version=$1 offered
    shift
    offered=$(pip index versions torch "$@" 2>>"$log" | grep '^Available versions:') && [[ $offered == *" $version"* ]]
}

# PyPI's torch for Linux is the CUDA build, so the CPU build comes from pip's own configuration where that has one (an
# internal index, a folder of wheels), else from TORCH_INDEX, which is asked for nothing but torch.
install_cpu_torch() {
    local version
    version=$(pin torch)+cpu
    if [ "$("$VENV/bin/python" -c 'import importlib.metadata as m; print(m.version("torch"))' 2>/dev/null)" = "$version" ]; then
        return
    elif offers_torch "$version"; then
        step "torch $version" pip_install "torch==$version"
    elif [ -n "$TORCH_INDEX" ] && offers_torch "$version" --index-url "$TORCH_INDEX" --retries 0 --timeout 5; then
        step "torch $version" pip_install --index-url "$TORCH_INDEX" "torch==$version"
    else
        note "no CPU build of torch within reach: PyPI's with its CUDA libraries will do, 3 GB instead of 0.8"
        lock=requirements.txt
    fi
}

install_packages() {
    local work=$1
    grep -vE '^(llama-cpp-python|rouge-score)==' "$lock" >"$work/requirements.txt"
    # Wheels only: nothing but llama.cpp is compiled here.
    step "$(grep -c == "$work/requirements.txt") packages, pinned in $lock" \
        pip_install --only-binary=:all: -r "$work/requirements.txt"
    # Plain Python, released as source alone; setuptools, which packs it, has just been installed.
    step "rouge-score" pip_install --no-build-isolation "rouge-score==$(pin rouge-score)"
}

# One sdist gives the runtime and quantizer (the wheel) and the converter, so they are of one revision. The result is
# kept in the user's cache, under everything that it depends on: a build takes minutes.
install_llama_cpp() {
    local work=$1 version key cache built arguments
    version=$(pin llama-cpp-python)
    arguments="-DLLAVA_BUILD=OFF '-DCMAKE_PROJECT_llama.cpp_INCLUDE=$PWD/scripts/llama-cpp.cmake'"
    if [ -n "$nvcc" ]; then
        arguments+=" -DGGML_CUDA=ON '-DCMAKE_CUDA_COMPILER=$nvcc'"
    elif [ "$kind" = cuda ] && ! find_nvcc >/dev/null; then
        note "no nvcc: llama.cpp serves on the CPU. With NVIDIA's CUDA toolkit installed, run make setup again"
    fi
    arguments+=" $LLAMA_CMAKE_ARGS"
    key=$({
        echo "$version ${nvcc:-cpu} $LLAMA_CMAKE_ARGS" # the path of the checkout is no part of it
        "$compiler" --version
        if [ -n "$nvcc" ]; then "$nvcc" --version; fi
        uname -m
        grep -m1 -E '^(flags|Features)' /proc/cpuinfo || true # built for this very CPU
        cat scripts/llama-cpp.cmake
    } | sha256sum | cut -c1-16)
    if [ "$(cat "$share/.key" 2>/dev/null)" = "$key" ]; then return; fi
    cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/imprint/llama-cpp-python-$version-$key
    built=$cache
    if [ ! -d "$cache" ]; then
        built=$work/built
        [ -d "$work/sdist" ] || step "llama-cpp-python $version: source package, 77 MB" download_llama_cpp "$work" "$version"
        if [ -z "$nvcc" ]; then
            CMAKE_ARGS=$arguments step "llama.cpp: build (2 to 4 minutes on 2 cores)" build_llama_cpp "$work"
        elif [ "$ACCELERATOR" = toolkit ]; then # an image for GPUs without a GPU's llama.cpp would be a surprise
            CMAKE_ARGS=$arguments step "llama.cpp: build with CUDA" build_llama_cpp "$work"
        elif ! CMAKE_ARGS=$arguments attempt "llama.cpp: build with CUDA" build_llama_cpp "$work"; then
            note "this CUDA toolkit will not do ($log says why): llama.cpp serves on the CPU"
            nvcc=""
            install_llama_cpp "$work"
            return
        fi
        # One rename, so that a half-copied folder is never found; no cache is no failure.
        { mkdir -p "$cache.$$" && cp -r "$built/." "$cache.$$" && mv -T "$cache.$$" "$cache"; } 2>>"$log" || rm -rf "$cache.$$"
    fi
    step "llama.cpp: runtime, quantizer and converter" unpack_llama_cpp "$built" "$key"
}

download_llama_cpp() { # WORK VERSION
    PATH="$VENV_BIN:$PATH" pip download --no-deps --no-binary=llama-cpp-python --no-build-isolation \
        --dest "$1/sdist" "llama-cpp-python==$2"
}

build_llama_cpp() { # WORK
    rm -rf "$1/source" "$1/built" && mkdir -p "$1/source" "$1/built/llama.cpp/models" &&
        tar -xzf "$1"/sdist/*.tar.gz -C "$1/source" --strip-components=1 &&
        (cd "$1/source/vendor/llama.cpp" &&
            cp -r LICENSE convert_hf_to_gguf.py conversion gguf-py "$1/built/llama.cpp/" &&
            cp models/ggml-vocab-phi-3.gguf* "$1/built/llama.cpp/models/") &&
        PATH="$VENV_BIN:$PATH" pip wheel --verbose --no-cache-dir --no-deps --no-build-isolation \
            --wheel-dir "$1/built" "$1/source"
}

unpack_llama_cpp() { # BUILT KEY
    pip_install --force-reinstall "$1"/*.whl &&
        rm -rf "$share" && mkdir -p "$share" && cp -r "$1/llama.cpp/." "$share" && echo "$2" >"$share/.key"
}

prove_imports() {
    "$VENV/bin/python" -c 'import torch, llama_cpp; print(torch.__version__, llama_cpp.__version__)'
}

set_up() {
    local work
    lock=requirements.txt
    if [ "$kind" = cpu ]; then lock=requirements-cpu.txt; fi
    require_compiler
    make_venv
    VENV_BIN=$(cd "$VENV/bin" && pwd)
    rm -f "$VENV/.imprint-setup"
    echo "$kind" >"$VENV/.imprint-kind"
    : >"$log"
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of this very moment
    trap "rm -rf '$work'" EXIT
    echo "Setting up $VENV: Python $python_version, $([ "$kind" = cuda ] && echo "NVIDIA GPU" || echo "no NVIDIA GPU")" \
        "(details in $log)"
    step "pip $(pin pip)" pip_install "pip==$(pin pip)"
    if [ "$kind" = cpu ]; then install_cpu_torch; fi
    install_packages "$work"
    install_llama_cpp "$work"
    step "torch and llama.cpp load" prove_imports
    if [ "$kind" = cuda ] && [ "$ACCELERATOR" = auto ]; then
        [ -e "$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
            note "no Python.h: Triton compiles its GPU launchers with it; sudo apt install python3-dev"
        "$VENV/bin/python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>>"$log" ||
            note "torch does not see the GPU: a driver for CUDA 13 (580 or newer) is needed"
    fi
}

# ---- the order ------------------------------------------------------------------------------------------------------

main() {
    local argument dev="" documents="" packages="" inputs want want_dev="" want_documents=""
    for argument in "$@"; do
        case $argument in
        --dev) dev=1 ;;
        --packages) packages=1 ;;
        *) fail "unknown argument '$argument'; expected --dev or --packages." ;;
        esac
    done
    case $EXTRAS in
    "") if [ -n "$dev" ] || [ -e "$VENV/.imprint-documents" ]; then documents=1; fi ;;
    documents) documents=1 ;;
    *) fail "EXTRAS is '$EXTRAS'; expected documents, or nothing." ;;
    esac

    find_kind
    inputs=(requirements.txt requirements-cpu.txt scripts/setup.sh scripts/llama-cpp.cmake)
    if [ -z "$packages" ]; then inputs+=(pyproject.toml); fi
    want="$kind${nvcc:+ nvcc} $(digest "${inputs[@]}")"
    if [ -n "$dev" ]; then want_dev=$(digest requirements-dev.txt); fi
    if [ -n "$documents" ]; then want_documents=$(digest requirements-documents.txt); fi
    if is_ready .imprint-setup "$want" && { [ -z "$dev" ] || is_ready .imprint-dev "$want_dev"; } &&
        { [ -z "$documents" ] || is_ready .imprint-documents "$want_documents"; }; then return; fi

    exec 8>&2 # a trap may run while standard error goes to the log
    trap 'printf "\nInterrupted. The same command goes on from here.\n" >&8; exit 130' INT TERM
    exec 9<scripts/setup.sh
    flock --nonblock 9 || { echo "Another set-up is running; waiting for it." && flock 9; }

    if ! is_ready .imprint-setup "$want"; then
        set_up
        if [ -z "$packages" ]; then
            step "imprint, editable" pip_install --no-build-isolation --editable .
        fi
        echo "$want" >"$VENV/.imprint-setup" # last: its existence means that all is there
        echo "Ready after $((SECONDS / 60)) min $((SECONDS % 60)) s."
    fi
    if [ -n "$documents" ] && ! is_ready .imprint-documents "$want_documents"; then
        step "the extra documents" pip_install --only-binary=:all: -r requirements-documents.txt
        echo "$want_documents" >"$VENV/.imprint-documents"
    fi
    if [ -n "$dev" ] && ! is_ready .imprint-dev "$want_dev"; then
        step "tools for check and test" pip_install --only-binary=:all: -r requirements-dev.txt
        echo "$want_dev" >"$VENV/.imprint-dev"
    fi
}

# In a function and with an exit, so that bash has read all of it when a `git pull` changes the file.
main "$@"
exit
