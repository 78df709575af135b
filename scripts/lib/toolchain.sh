# shellcheck shell=bash
# Sourced by the scripts: afterwards `cargo` is the pinned one and can build for wasm32-wasip1.
#
# Sets RUSTUP_TOOLCHAIN, STEPUP_WASM_TARGET and, where rustup could not give the target's standard
# library, STEPUP_WASM_SYSROOT: a folder under .tools/ with one built from Debian's sources.
# Gives three functions:
#   cargo_wasm SUBCOMMAND ARGS...   cargo for the wasm target (build, clippy, ...)
#   stepup_cargo TARGET SUBCOMMAND ARGS...   the same for any target
#   build_wasm                      builds the filter and exports STEPUP_WASM, the path of its module:
#                                   what cargo builds, finished by finish_wasm of binaryen.sh
#
# STEPUP_FORCE_BUILD_STD=1 takes the Debian way even where rustup's target is there.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=binaryen.sh
source "$STEPUP_ROOT/scripts/lib/binaryen.sh"

STEPUP_WASM_TARGET=wasm32-wasip1
STEPUP_WASM_SYSROOT=

# Debian's suites that may hold rust-src in the wanted version, and with it a new enough wasi-libc.
stepup_debian_suites=(trixie-backports forky sid)

stepup_host_rustc_version() {
    "$@" --version 2>/dev/null | cut -d' ' -f2
}

stepup_matches_channel() {
    [[ $1 == "$2" || $1 == "$2".* ]]
}

stepup_pick_toolchain() {
    local channel name version bin
    channel=$(sed -n 's/^channel *= *"\(.*\)".*/\1/p' "$STEPUP_ROOT/rust-toolchain.toml")
    [[ -n $channel ]] || fail "rust-toolchain.toml names no channel"

    if ! have rustup; then
        version=$(stepup_host_rustc_version rustc || true)
        stepup_matches_channel "$version" "$channel" \
            || fail "Rust $channel is needed and '${version:-none}' was found; install rustup, or that version of Rust"
        return
    fi

    # With this variable set, rustup does not act on rust-toolchain.toml. It would otherwise try to
    # fetch the target that is named there at every call of cargo, which fails in a closed network.
    export RUSTUP_AUTO_INSTALL=0
    name=$channel
    version=$(stepup_host_rustc_version rustup run "$name" rustc || true)
    if ! stepup_matches_channel "$version" "$channel"; then
        say "installing Rust $channel with rustup"
        RUST_BACKTRACE=0 limited 300 rustup toolchain install "$channel" --profile minimal --component clippy,rustfmt --no-self-update >&2 || true
        version=$(stepup_host_rustc_version rustup run "$name" rustc || true)
    fi
    if ! stepup_matches_channel "$version" "$channel"; then
        while read -r name _; do
            version=$(stepup_host_rustc_version rustup run "$name" rustc || true)
            if stepup_matches_channel "$version" "$channel"; then
                say "rustup cannot fetch Rust $channel; using the installed tool chain $name, which is the same version"
                break
            fi
        done < <(rustup toolchain list)
    fi
    stepup_matches_channel "$version" "$channel" \
        || fail "Rust $channel is not installed and rustup cannot fetch it; run 'rustup toolchain install $channel' where its server can be reached"
    export RUSTUP_TOOLCHAIN=$name

    # A cargo that is not rustup's may stand earlier on PATH; it would not heed RUSTUP_TOOLCHAIN.
    if [[ $(stepup_host_rustc_version rustc) != "$version" || $(stepup_host_rustc_version cargo) != "$version" ]]; then
        bin=$(dirname "$(rustup which --toolchain "$name" cargo)")
        export PATH=$bin:$PATH
    fi
}

stepup_has_target() {
    compgen -G "$(rustc --print sysroot)/lib/rustlib/$STEPUP_WASM_TARGET/lib/libstd-*.rlib" >/dev/null
}

# apt-get or apt-cache with lists, cache and sources of its own, so that the system's stay as they are.
stepup_apt() {
    local work=$1 tool=$2
    shift 2
    "$tool" \
        -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "$@"
}

# stepup_fetch_std_sources WORK VERSION: puts Debian's rust-src and wasi-libc into WORK/root.
stepup_fetch_std_sources() {
    local work=$1 version=$2 site suite found signed_by='' keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    if ! have apt-get || ! have dpkg-deb; then
        fail "the standard library for $STEPUP_WASM_TARGET is missing and rustup cannot fetch it; run 'rustup target add $STEPUP_WASM_TARGET' where its server can be reached"
    fi
    # The mirror is the one that this machine already uses.
    # shellcheck disable=SC2016 # apt's own placeholder
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | sort -u | head -n 1 || true)
    [[ -n $site ]] || fail "apt has no Debian mirror set up; the standard library for $STEPUP_WASM_TARGET cannot be built"
    if [[ -r $keyring ]]; then
        signed_by="[signed-by=$keyring] "
    fi
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs" "$work/root"
    for suite in "${stepup_debian_suites[@]}"; do
        say "looking for Debian's rust-src $version in $suite"
        printf 'deb %s%s %s main\n' "$signed_by" "$site" "$suite" >"$work/sources.list"
        stepup_apt "$work" apt-get -q update >"$work/log" 2>&1 || continue
        found=$(stepup_apt "$work" apt-cache madison rust-src \
            | awk -F'|' -v wanted="$version" '{ gsub(/ /, "", $2); if (index($2, wanted "+") == 1 || index($2, wanted "-") == 1) { print $2; exit } }')
        [[ -n $found ]] || continue
        (cd "$work/debs" && stepup_apt "$work" apt-get -q download "rust-src=$found" "wasi-libc/$suite") >"$work/log" 2>&1 || continue
        for found in "$work"/debs/*.deb; do
            dpkg-deb -x "$found" "$work/root" || fail "Debian's package ${found##*/} could not be unpacked"
        done
        return
    done
    if [[ -s $work/log ]]; then
        tail -n 5 "$work/log" >&2
    fi
    fail "neither rustup nor Debian has the standard library of Rust $version for $STEPUP_WASM_TARGET; run 'rustup target add $STEPUP_WASM_TARGET' where rustup's server can be reached"
}

# stepup_build_std SYSROOT: builds the target's standard library once, into a folder that rustc takes as its sysroot.
# The installed tool chain is not touched, and the filter itself is then built by plain stable cargo, as elsewhere.
stepup_build_std() (
    sysroot=$1
    work=$(mktemp -d "$STEPUP_TOOLS/std.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    version=$(stepup_host_rustc_version rustc)
    commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
    rustlib=$work/sysroot/lib/rustlib

    stepup_fetch_std_sources "$work" "$version"
    library=$work/root/usr/src/rustc-$version/library
    libc=$work/root/usr/lib/wasm32-wasi
    [[ -d $library && -f $libc/libc.a ]] || fail "Debian's rust-src or wasi-libc is not laid out as expected"

    say "building the standard library of Rust $version for $STEPUP_WASM_TARGET (once)"
    mkdir -p "$work/crate/src"
    printf '[package]\nname = "stepup-std"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$work/crate/Cargo.toml"
    : >"$work/crate/src/lib.rs"
    # Bitcode, because the filter is linked with LTO; rustc's usual names for the source paths, because
    # they show in panic messages. The variable that names the sources is cargo's own, and the tool chain is pinned.
    separator=$'\x1f'
    flags=-Cembed-bitcode=yes
    flags+=${separator}--remap-path-prefix=$work/root/usr/src/rustc-$version=/rustc/$commit
    flags+=${separator}--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/rust/deps
    (
        cd "$work/crate"
        unset RUSTFLAGS CARGO_BUILD_TARGET
        RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT=$library \
            CARGO_TARGET_DIR=$work/target CARGO_ENCODED_RUSTFLAGS=$flags \
            cargo build --quiet --release -Zbuild-std=std,panic_abort --target "$STEPUP_WASM_TARGET" >&2
    ) || fail "the standard library could not be built from Debian's sources"

    mkdir -p "$rustlib/$STEPUP_WASM_TARGET/lib/self-contained"
    rm -f "$work/target/$STEPUP_WASM_TARGET"/release/deps/libstepup_std-*
    cp "$work/target/$STEPUP_WASM_TARGET"/release/deps/*.rlib "$rustlib/$STEPUP_WASM_TARGET/lib/"
    cp "$libc"/*.a "$libc"/*.o "$rustlib/$STEPUP_WASM_TARGET/lib/self-contained/"
    rm -rf "$sysroot"
    mv "$work/sysroot" "$sysroot"
)

stepup_prepare_target() {
    local sysroot commit host
    if [[ ${STEPUP_FORCE_BUILD_STD:-} != 1 ]]; then
        if stepup_has_target; then
            return
        fi
        if have rustup; then
            say "adding $STEPUP_WASM_TARGET with rustup"
            RUST_BACKTRACE=0 limited 60 rustup target add "$STEPUP_WASM_TARGET" >&2 || true
            if stepup_has_target; then
                return
            fi
            say "rustup gave no $STEPUP_WASM_TARGET; taking Debian's sources instead"
        fi
    fi
    # The compiler's commit is in the name: a library fits the very compiler that built it, and no other.
    commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
    host=$(rustc -vV | sed -n 's/^host: //p')
    sysroot=$STEPUP_TOOLS/sysroot-$(stepup_host_rustc_version rustc)-${commit:0:9}
    if ! compgen -G "$sysroot/lib/rustlib/$STEPUP_WASM_TARGET/lib/libstd-*.rlib" >/dev/null; then
        stepup_build_std "$sysroot"
    fi
    # The linker for wasm comes with the host's part, wherever the tool chain is now.
    ln -sfn "$(rustc --print sysroot)/lib/rustlib/$host" "$sysroot/lib/rustlib/$host"
    STEPUP_WASM_SYSROOT=$sysroot
    say "using the standard library built from Debian's sources (${sysroot#"$STEPUP_ROOT/"})"
}

# Prints flags for CARGO_ENCODED_RUSTFLAGS: the user's own, those given, and those that take this machine's
# folders out of panic messages. With them, the same sources give the same bytes wherever they are built.
# The crates are unpacked before, because the name of their folder depends on the registry's mirror.
stepup_rustflags() {
    local target=${CARGO_TARGET_DIR:-$STEPUP_ROOT/target} flags=${CARGO_ENCODED_RUSTFLAGS:-} separator=$'\x1f'
    local folder words=()
    if [[ -z $flags && -n ${RUSTFLAGS:-} ]]; then
        read -ra words <<<"$RUSTFLAGS"
        flags=$(IFS=$separator && printf '%s' "${words[*]}")
    fi
    # The last prefix that fits wins, so the folders within others come last.
    words=("$@" "--remap-path-prefix=$STEPUP_ROOT=/envoy-stepup" "--remap-path-prefix=$target=/target")
    for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        words+=("--remap-path-prefix=$folder=/crates")
    done
    flags=${flags:+$flags$separator}$(IFS=$separator && printf '%s' "${words[*]}")
    printf '%s' "$flags"
}

# stepup_cargo TARGET SUBCOMMAND ARGS...: cargo for a target, with the flags of above.
stepup_cargo() {
    local target=$1 subcommand=$2 flags=()
    shift 2
    if [[ $target == "$STEPUP_WASM_TARGET" && -n $STEPUP_WASM_SYSROOT ]]; then
        flags=("--sysroot=$STEPUP_WASM_SYSROOT")
    fi
    (cd "$STEPUP_ROOT" && cargo fetch --locked --quiet --target "$target") || return
    CARGO_ENCODED_RUSTFLAGS=$(stepup_rustflags ${flags[@]+"${flags[@]}"}) \
        cargo "$subcommand" --target "$target" "$@"
}

cargo_wasm() {
    stepup_cargo "$STEPUP_WASM_TARGET" "$@"
}

build_wasm() {
    local target=${CARGO_TARGET_DIR:-$STEPUP_ROOT/target} begun
    # As old as the start of the build: tests/cost/shipped.rs compares the sources with it.
    begun=$target/envoy_stepup.wasm.begun
    mkdir -p "$target" && touch "$begun.$$" || return
    (cd "$STEPUP_ROOT" && cargo_wasm build --release --locked --lib) || return
    finish_wasm "$target/$STEPUP_WASM_TARGET/release/envoy_stepup.wasm" "$target/envoy_stepup.wasm" || return
    mv "$begun.$$" "$begun" || return
    export STEPUP_WASM=$target/envoy_stepup.wasm
}

lock_tools
stepup_pick_toolchain
stepup_prepare_target
unlock_tools
