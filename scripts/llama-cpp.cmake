# Read by CMake right after llama.cpp's project(): llama-cpp-python switches llama.cpp's "common" library on by force,
# but neither the Python package nor Imprint loads it.
set(LLAMA_BUILD_COMMON OFF)
