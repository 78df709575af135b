# shellcheck shell=bash
# Sourced by the scripts. Gives two functions:
#   ensure_cargo_cyclonedx                   puts cargo-cyclonedx on PATH, from .tools/
#   write_sbom TARGET FILE BILL EPOCH        describes what a built file is made of, in CycloneDX

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

stepup_cargo_cyclonedx_version=0.5.9

# Built from source without optimisation: 40 s on two cores.
ensure_cargo_cyclonedx() {
    local root=$STEPUP_TOOLS/cargo-cyclonedx-$stepup_cargo_cyclonedx_version
    lock_tools
    if [[ ! -x $root/bin/cargo-cyclonedx ]]; then
        say "installing cargo-cyclonedx $stepup_cargo_cyclonedx_version from crates.io into .tools/"
        CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$root.build \
            cargo install --quiet --locked --debug --no-track --root "$root" \
            cargo-cyclonedx --version "$stepup_cargo_cyclonedx_version" >&2 \
            || fail "cargo-cyclonedx could not be built from crates.io"
        rm -rf "$root.build"
    fi
    unlock_tools
    export PATH=$root/bin:$PATH
}

# cargo-cyclonedx writes beside each Cargo.toml, so it runs in a copy.
write_sbom() (
    target=$1 described=$2 bill=$3 epoch=$4
    set -e
    work=$(cd "$(mktemp -d)" && pwd -P)
    trap 'rm -rf "$work"' EXIT
    copy=$work/copy
    mkdir "$copy"
    tree() {
        cargo tree --locked --quiet --package envoy-stepup --target "$target" --prefix none --format '{p}' --edges "$1"
    }
    cd "$STEPUP_ROOT" || exit
    git ls-files -z --cached --others --exclude-standard --deduplicate \
        | while IFS= read -r -d '' name; do [[ ! -e $name ]] || printf '%s\0' "$name"; done \
        | tar --null --files-from - --create --file - | tar -xf - -C "$copy"
    tree normal,no-proc-macro >"$work/linked"
    tree normal,build >"$work/built"
    cd "$copy" || exit
    SOURCE_DATE_EPOCH=$epoch cargo cyclonedx --quiet --format json --spec-version 1.5 \
        --target "$target" --override-filename found >&2
    python3 "$STEPUP_ROOT/scripts/lib/sbom.py" --found found.json --folder "$copy" \
        --linked "$work/linked" --built "$work/built" --file "$described" \
        --rust "$(rustc --version | cut -d' ' -f2)" --output "$bill"
)
