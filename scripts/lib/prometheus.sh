# shellcheck shell=bash
# Sourced by scripts/test: exports STEPUP_PROMETHEUS, the folder with the `prometheus` and `promtool` to test with.
# In this order: the folder that STEPUP_PROMETHEUS already names, that of both programs on PATH, Debian's package in
# .tools/prometheus. The system itself stays as it is.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

stepup_prometheus_hint='put prometheus and promtool on PATH, or name their folder in STEPUP_PROMETHEUS'

# stepup_has_prometheus FOLDER
stepup_has_prometheus() {
    [[ -x $1/prometheus && -x $1/promtool ]]
}

# stepup_fetch_prometheus FOLDER: unpacks Debian's package into it. apt gets lists and a cache of its own, which needs no root.
stepup_fetch_prometheus() {
    local folder=$1 work
    if ! have apt-get || ! have dpkg-deb; then
        fail "no Prometheus: $stepup_prometheus_hint"
    fi
    say "fetching Debian's prometheus into .tools/prometheus"
    work=$(mktemp -d)
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    stepup_prometheus_apt() {
        (cd "$work" && apt-get -q -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
            -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "$@") >>"$work/log" 2>&1
    }
    if ! stepup_prometheus_apt update || ! stepup_prometheus_apt download prometheus \
        || ! dpkg-deb -x "$work"/prometheus_*.deb "$work/root"; then
        tail -n 5 "$work/log" >&2
        rm -rf "$work"
        fail "Debian's prometheus could not be fetched; $stepup_prometheus_hint"
    fi
    rm -rf "$folder"
    mkdir -p "$folder"
    mv "$work/root/usr/bin/prometheus" "$work/root/usr/bin/promtool" "$folder/"
    rm -rf "$work"
}

stepup_pick_prometheus() {
    local found
    if [[ -n ${STEPUP_PROMETHEUS:-} ]]; then
        stepup_has_prometheus "$STEPUP_PROMETHEUS" \
            || fail "STEPUP_PROMETHEUS names $STEPUP_PROMETHEUS, where prometheus and promtool are not both; name another folder, or unset it"
    elif found=$(command -v prometheus) && stepup_has_prometheus "${found%/*}"; then
        STEPUP_PROMETHEUS=${found%/*}
    else
        STEPUP_PROMETHEUS=$STEPUP_TOOLS/prometheus
        lock_tools
        stepup_has_prometheus "$STEPUP_PROMETHEUS" || stepup_fetch_prometheus "$STEPUP_PROMETHEUS"
        unlock_tools
    fi
    export STEPUP_PROMETHEUS
}

stepup_pick_prometheus
