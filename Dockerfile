# The same set-up as `make`, in an image: one way to install. Builds with and without BuildKit.
#
#   docker build -t imprint .                                                        NVIDIA GPU
#   docker build -t imprint:cpu --build-arg BASE_IMAGE=python:3.12-bookworm .        no GPU
ARG BASE_IMAGE=nvidia/cuda:13.0.1-cudnn-devel-ubuntu24.04
FROM ${BASE_IMAGE}

# cpu, cuda, or toolkit: cuda where the base image has nvcc, because no GPU is visible while an image is built.
ARG ACCELERATOR=toolkit
# Where torch's CPU wheel is, for images without CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# documents: the image also reads PDF, HTML, DOCX, PPTX and EPUB.
ARG EXTRAS=
# The image runs on other CPUs than the one that built it.
ARG LLAMA_CMAKE_ARGS=-DGGML_NATIVE=OFF

SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# build-essential builds llama.cpp, and Triton compiles its GPU launchers with it and python3-dev when training starts.
# Not pinned: the base image is a build argument, and each distribution has its own versions. CMake and Ninja are in the
# locks.
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        build-essential ca-certificates python3 python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app

# The packages before the sources: a change in the code costs seconds, not this layer.
COPY requirements.txt requirements-cpu.txt requirements-documents.txt ./
COPY scripts/setup.sh scripts/llama-cpp.cmake scripts/
ENV VENV=/opt/venv
RUN scripts/setup.sh --packages \
    && rm -rf /root/.cache

COPY pyproject.toml README.md LICENSE entrypoint.sh ./
COPY configs configs
COPY src src
RUN scripts/setup.sh \
    && rm -rf /root/.cache \
    && /opt/venv/bin/python -m compileall -q src

# The sample documents; mount your own over them.
COPY documents documents

# User 1000, as the first user of most hosts, so that mounted folders fit; Ubuntu's image has one that is not needed.
# The folders exist before any volume is mounted on them, because a new volume takes over their owner.
RUN { ! id -u ubuntu >/dev/null 2>&1 || userdel --remove ubuntu; } \
    && useradd --uid 1000 --create-home imprint \
    && install -d -o imprint -g imprint /app /app/outputs /home/imprint/.cache /home/imprint/.cache/huggingface
USER 1000

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/home/imprint/.cache/huggingface \
    IMPRINT_HOME=/app \
    IMPRINT_SERVICE__HOST=0.0.0.0 \
    IMPRINT_SERVICE__PORT=8080
EXPOSE 8080
VOLUME ["/app/outputs", "/home/imprint/.cache/huggingface"]

# The service answers once the model is there; the first start trains it, which may take hours on a small GPU.
HEALTHCHECK --start-period=6h --interval=10s --timeout=5s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['IMPRINT_SERVICE__PORT'] + '/health', timeout=4)"]

ENTRYPOINT ["/app/entrypoint.sh"]
