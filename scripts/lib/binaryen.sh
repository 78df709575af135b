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
    if stepup_has_binaryen; then
        return
    fi
    npm_install binaryen .bin/wasm-opt Binaryen "put wasm-opt $stepup_binaryen_least or newer on PATH (Debian: binaryen)"
    export PATH=$STEPUP_TOOLS/binaryen/node_modules/.bin:$PATH
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
