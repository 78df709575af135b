# shellcheck shell=bash
# Sourced by toolchain.sh. Gives one function:
#   finish_wasm BUILT FINISHED   makes the module that is shipped of the one that cargo built
#
# It drops the exports that the filter has no use for. The SDK exports every callback there is, and
# Envoy calls what is exported, twice to seven times for a request. Then it optimises for size, which
# costs no speed here (docs/performance.md).
#
# Binaryen does both, in the version of scripts/binaryen/package.json: the one on PATH or else the npm
# package, in .tools/. Where there is no npm, it comes with Node from PyPI. Another version gives other
# bytes. Where the wanted one cannot be had, a recent one on PATH does, but not for a release
# (STEPUP_RELEASE=1). FINISHED.binaryen names the version that made a module.

stepup_binaryen_least=108

stepup_binaryen_wanted() {
    sed -n 's/^ *"binaryen": "\([0-9]*\)\..*/\1/p' "$STEPUP_ROOT/scripts/binaryen/package.json"
}

# Prints the version on PATH, or nothing.
stepup_binaryen_found() {
    if have wasm-opt && have wasm-metadce; then
        wasm-opt --version 2>/dev/null | sed -n 's/^wasm-opt version \([0-9]*\).*/\1/p'
    fi
}

ensure_binaryen() {
    local wanted found
    wanted=$(stepup_binaryen_wanted)
    found=$(stepup_binaryen_found)
    if [[ -n $wanted && $found == "$wanted" ]]; then
        return
    fi
    if (npm_install binaryen .bin/wasm-opt Binaryen "put wasm-opt $wanted on PATH"); then
        export PATH=$STEPUP_TOOLS/binaryen/node_modules/.bin:$PATH:$STEPUP_TOOLS/venv/bin
        return
    fi
    if [[ ${STEPUP_RELEASE:-} == 1 ]]; then
        fail "a release is made with Binaryen $wanted and no other"
    fi
    if ((${found:-0} < stepup_binaryen_least)); then
        fail "put wasm-opt $stepup_binaryen_least or newer on PATH (Debian: binaryen)"
    fi
    say "using Binaryen $found of PATH, so the module is not byte for byte the released one"
}

finish_wasm() {
    local built=$1 finished=$2 exports=$STEPUP_ROOT/scripts/lib/exports.json version
    version=$(cat "$finished.binaryen" 2>/dev/null || true)
    if [[ $finished -nt $built && $finished -nt $exports && $finished -nt ${BASH_SOURCE[0]} && -n $version ]] \
        && [[ ${STEPUP_RELEASE:-} != 1 || $version == "$(stepup_binaryen_wanted)" ]]; then
        return
    fi
    ensure_binaryen
    say "dropping exports and optimising (half a minute)"
    wasm-metadce --graph-file "$exports" "$built" --output "$finished.part" >/dev/null \
        && wasm-opt -Oz "$finished.part" --output "$finished.part" \
        && stepup_binaryen_found >"$finished.binaryen" \
        && mv "$finished.part" "$finished"
}
