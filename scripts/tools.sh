# shellcheck shell=bash
# The tools that the tests need besides Go, for scripts/test. Each function looks for a
# tool and, if may_install allows it, installs it. If that fails, the function fails, and
# the last line of "$work/said" is the reason.

caches=${XDG_CACHE_HOME:-${HOME:-$work}/.cache}/flowrun

# may_install: quick installs nothing.
may_install() { [ -z "${quick:-}" ] || { echo "scripts/test quick installs nothing; scripts/test does"; return 1; }; }

# install PACKAGE... installs packages with the system's package manager, if allowed.
install() {
  may_install || return
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "cannot install $*: needs root and apt-get"; return 1; }
  echo "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  if [ ! -e "$work/updated" ]; then apt-get update && touch "$work/updated" || return; fi
  apt-get install -y --no-install-recommends "$@"
}

# want COMMAND PACKAGE... installs packages if the command is missing.
want() { command -v "$1" >/dev/null || { install "${@:2}" && command -v "$1" >/dev/null; }; }

# try FUNCTION calls one of the following functions, and keeps its output for messages.
try() { "$@" >"$work/said" 2>&1; }

# Certificates for Go's module proxy, git, and a C compiler for the race detector.
basics() {
  [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -n "${SSL_CERT_FILE:-}" ] || [ "$(go env GOOS)" != linux ] || install ca-certificates
  want git git
  want "$(go env CC)" gcc libc6-dev
}

# The libraries that tests compare with: the reference for safetensors, NumPy, Pillow and
# scikit-learn.
python_library() {
  local venv=$caches/python python
  for python in "${FLOWRUN_TEST_PYTHON:-}" python3 "$venv/bin/python"; do
    [ -n "$python" ] && "$python" -c 'import safetensors, numpy, PIL, sklearn' 2>/dev/null && export FLOWRUN_TEST_PYTHON=$python && return
  done
  may_install || return
  want python3 python3 python3-venv || return
  { python3 -m venv "$venv" || { rm -rf "$venv" && install python3-venv && python3 -m venv "$venv"; }; } &&
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 safetensors numpy pillow scikit-learn &&
    export FLOWRUN_TEST_PYTHON=$venv/bin/python
}

# TensorBoard, which reads the event files of --tensorboard.
tensorboard() {
  local venv=$caches/tensorboard python
  for python in "${FLOWRUN_TEST_TENSORBOARD:-}" python3 "$venv/bin/python"; do
    [ -n "$python" ] && "$python" -c 'import tensorboard.backend.event_processing' 2>/dev/null && export FLOWRUN_TEST_TENSORBOARD=$python && return
  done
  may_install || return
  want python3 python3 python3-venv || return
  { python3 -m venv "$venv" || { rm -rf "$venv" && install python3-venv && python3 -m venv "$venv"; }; } &&
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 tensorboard==2.21.0 &&
    export FLOWRUN_TEST_TENSORBOARD=$venv/bin/python
}

# The pictures that graphs/fashion_mnist.yaml learns from.
pictures() {
  local folder=/usr/share/datasets/fashion-mnist
  [ -d "$folder" ] || { install dataset-fashion-mnist && [ -d "$folder" ]; }
}

# The tools that test the schema: the language server behind YAML in most editors, a
# JSON Schema validator with a strict mode, and a YAML 1.2 parser.
editor_tools="yaml-language-server@2.0.0 ajv@8.20.0 yaml@2.9.1"
editor_tools() {
  local package missing=""
  for package in $editor_tools; do
    [ -d ".tools/node_modules/${package%@*}" ] || missing=yes
  done
  [ -n "$missing" ] || return 0
  may_install || return
  # shellcheck disable=SC2086 # a list
  want node nodejs && want npm npm && npm install --prefix .tools --ignore-scripts --no-audit --no-fund $editor_tools
}

# The SARIF validator, with the rules of GitHub's code scanning.
sarif_validator=@microsoft/sarif-multitool-linux@5.7.0
sarif_validator() {
  local folder=.tools/node_modules/@microsoft/sarif-multitool-linux
  [ "$(uname -sm)" = "Linux x86_64" ] || { echo "only on linux/amd64"; return 1; }
  [ -d "$folder" ] || { want npm npm && npm install --prefix .tools --ignore-scripts --no-audit --no-fund "$sarif_validator"; } || return
  chmod +x "$folder/Sarif.Multitool"
}

# OpenCL on the CPU (PoCL), to run the OpenCL driver and kernels.
opencl() {
  has_opencl || { install pocl-opencl-icd ocl-icd-libopencl1 && has_opencl; }
}

has_opencl() {
  local devices
  devices=$(go run ./cmd/flowrun devices | grep '^opencl')
  printf '%s\n' "$devices"
  grep -q '^opencl:0' <<<"$devices"
}

# oclgrind, which checks OpenCL kernels.
oclgrind() {
  local driver=/usr/lib/oclgrind/liboclgrind-rt-icd.so
  [ -e $driver ] || { install oclgrind && [ -e $driver ]; }
}

# clang compiles the CUDA and Metal kernels for the emulator, and CUDA kernels to PTX. Its
# sanitizers find source positions with llvm-symbolizer, which is in another package.
emulator() { want clang++-19 clang-19 libclang-rt-19-dev && want llvm-symbolizer-19 llvm-19; }

# The fake Metal driver also needs GNU's Objective-C runtime.
objective_c() { has_objective_c || { install libobjc4 && has_objective_c; }; }

has_objective_c() { ldconfig -p | grep -F libobjc.so.4; }

# QEMU, and the libraries of the programs that it runs.
aarch64_tools() {
  local libraries=/usr/aarch64-linux-gnu/lib
  [ "$(go env GOOS)" = linux ] && [ "$(go env GOARCH)" = amd64 ] || { echo "only on linux/amd64"; return 1; }
  want qemu-aarch64 qemu-user && want aarch64-linux-gnu-g++ g++-aarch64-linux-gnu &&
    { [ -e $libraries/libobjc.so.4 ] || { install libobjc4-arm64-cross && [ -e $libraries/libobjc.so.4 ]; }; }
}

# The race detector needs cgo, and so a C compiler.
race_detector() { CGO_ENABLED=1 go build -race -o "$work/probe" ./scripts/testsummary; }

# A linter for shell scripts.
shell_linter() { want shellcheck shellcheck; }
