//! What `scripts/release` puts into its folder. It packs the module that `scripts/build` has made; that
//! two builds of a commit give the same bytes takes minutes to show, with `scripts/release --verify`.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;
use support::{folder::Folder, shipped};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A release of the module under test, made once for all tests.
static RELEASE: LazyLock<PathBuf> =
    LazyLock::new(|| release("one", &[("TZ", "UTC"), ("USER", "ann")]));

/// The folder that cargo builds in.
fn target() -> PathBuf {
    shipped::path(&env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned()))
}

/// The module that `scripts/build` made.
fn module() -> Vec<u8> {
    fs::read(target().join("envoy_stepup.wasm")).expect("scripts/build has run")
}

fn release(name: &str, variables: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release").join(name);
    let made = Command::new(shipped::path("scripts/release"))
        .args(["--allow-dirty", "--no-command", "--output"])
        .arg(&folder)
        .env("CARGO_TARGET_DIR", target())
        .envs(variables.iter().copied())
        .output()
        .expect("scripts/release runs");
    assert!(made.status.success(), "{}", said(&made));
    folder
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn sha256(content: &[u8]) -> String {
    hmac_sha256::Hash::hash(content)
        .iter()
        .fold(String::new(), |sum, byte| format!("{sum}{byte:02x}"))
}

/// Every file of a folder, by its path within.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

/// The blob that a descriptor names, held to its size and digest.
fn blob(descriptor: &Value, media_type: &str) -> PathBuf {
    assert_eq!(descriptor["mediaType"], media_type);
    let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let path = RELEASE.join("image/blobs/sha256").join(digest);
    let content = fs::read(&path).unwrap();
    assert_eq!(descriptor["size"].as_u64(), content.len().try_into().ok(), "{descriptor}");
    assert_eq!(digest, sha256(&content));
    path
}

fn manifest() -> Value {
    let index = json(&RELEASE.join("image/index.json"));
    json(&blob(&index["manifests"][0], MANIFEST))
}

/// What a command of the system writes.
fn written(program: &str, arguments: &[&str], file: &Path) -> Vec<u8> {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output.stdout
}

fn components(file: &str) -> Vec<Value> {
    json(&RELEASE.join(file))["components"].as_array().unwrap().clone()
}

fn locked(name: &str) -> String {
    let lock = shipped::text("Cargo.lock");
    let (_, package) = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).unwrap();
    package.split('"').next().unwrap().to_owned()
}

#[test]
fn packing_again_elsewhere_gives_the_same_bytes() {
    // One after the other: the first builds the module where a source has changed.
    let first = files(&RELEASE);
    let other = release(
        "another/with/a-longer-name",
        &[("TZ", "Asia/Tokyo"), ("USER", "bob"), ("LC_ALL", "C.UTF-8")],
    );
    assert_eq!(first, files(&other));
    for file in files(&other) {
        let same = fs::read(RELEASE.join(&file)).unwrap() == fs::read(other.join(&file)).unwrap();
        assert!(same, "{} differs", file.display());
    }
}

#[test]
fn the_sums_cover_every_file() {
    let sums = fs::read_to_string(RELEASE.join("SHA256SUMS")).unwrap();
    let mut listed = BTreeSet::from([PathBuf::from("SHA256SUMS")]);
    for line in sums.lines() {
        let (sum, file) = line.split_once("  ").unwrap();
        assert_eq!(sum, sha256(&fs::read(RELEASE.join(file)).unwrap()), "{file}");
        listed.insert(file.into());
    }
    assert_eq!(listed, files(&RELEASE));
}

#[test]
fn the_released_module_is_that_of_the_build() {
    assert!(fs::read(RELEASE.join("envoy_stepup.wasm")).unwrap() == module());
}

/// What Istio and Envoy Gateway ask of an image: they read `plugin.wasm` in the last layer.
#[test]
fn the_image_holds_the_module_and_nothing_else() {
    assert_eq!(json(&RELEASE.join("image/oci-layout"))["imageLayoutVersion"], "1.0.0");
    let manifest = manifest();
    assert_eq!(manifest["mediaType"], MANIFEST);
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    let layer = blob(&layers[0], LAYER);
    assert_eq!(written("tar", &["-tzf"], &layer), b"plugin.wasm\n");
    let plugin = Command::new("tar").arg("-xzOf").arg(&layer).arg("plugin.wasm").output().unwrap();
    assert!(plugin.stdout == module());

    let config = json(&blob(&manifest["config"], CONFIG));
    let unpacked = sha256(&written("gzip", &["-dc"], &layer));
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{unpacked}"));
    assert_eq!(files(&RELEASE.join("image/blobs")).len(), 3);
}

#[test]
fn the_image_tells_its_version_and_commit() {
    let version = env!("CARGO_PKG_VERSION");
    let index = json(&RELEASE.join("image/index.json"));
    let tag = &index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"];
    assert_eq!(tag, version);
    let annotations = &manifest()["annotations"];
    assert_eq!(annotations["org.opencontainers.image.version"], version);
    let head = Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap();
    let head = String::from_utf8(head.stdout).unwrap();
    let revision = annotations["org.opencontainers.image.revision"].as_str().unwrap();
    assert!(revision.starts_with(head.trim()), "{revision}");
}

#[test]
fn the_bill_of_materials_names_what_is_in_the_module_with_version_and_licence() {
    let components = components("envoy_stepup.wasm.cdx.json");
    for (name, licence) in [("proxy-wasm", "Apache-2.0"), ("jwt-simple", "ISC")] {
        let found = components.iter().find(|one| one["name"] == name).unwrap();
        assert_eq!(found["version"], locked(name));
        assert_eq!(found["scope"], "required");
        assert_eq!(found["licenses"][0]["expression"], licence);
        assert_eq!(found["purl"], format!("pkg:cargo/{name}@{}", locked(name)));
        assert_eq!(found["hashes"][0]["alg"], "SHA-256");
    }
    for component in &components {
        assert!(component["licenses"][0].is_object(), "{component}");
    }
}

#[test]
fn the_bill_of_materials_names_nothing_that_is_not_built_into_the_module() {
    let components = components("envoy_stepup.wasm.cdx.json");
    // Of the tests, of the command, and optional ones that no feature turns on.
    for absent in ["criterion", "wasmi", "tokio", "clap", "serde-saphyr", "borsh", "indexmap"] {
        assert!(components.iter().all(|one| one["name"] != absent), "{absent}");
    }
    // They run in the compiler only.
    for build_time in ["syn", "serde_derive", "autocfg"] {
        let found = components.iter().find(|one| one["name"] == build_time).unwrap();
        assert_eq!(found["scope"], "excluded", "{build_time}");
    }
}

#[test]
fn the_bill_of_materials_belongs_to_the_module_and_refers_to_what_is_in_it() {
    let bom = json(&RELEASE.join("envoy_stepup.wasm.cdx.json"));
    let root = &bom["metadata"]["component"];
    assert_eq!(root["hashes"][0]["content"], sha256(&module()));
    assert_eq!(root["version"], env!("CARGO_PKG_VERSION"));

    let list = |value: &Value| value.as_array().unwrap().clone();
    let known =
        list(&bom["components"]).iter().map(|one| one["bom-ref"].clone()).collect::<Vec<_>>();
    for node in list(&bom["dependencies"]) {
        assert!(known.contains(&node["ref"]) || node["ref"] == root["bom-ref"], "{node}");
        for reference in list(&node["dependsOn"]) {
            assert!(known.contains(&reference), "{reference}");
        }
    }
}

#[test]
fn nothing_released_names_a_folder_of_this_machine() {
    let home = env::var("HOME").unwrap();
    let cargo = env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    let target = target().to_string_lossy().into_owned();
    let folders = [format!("{home}/"), cargo, target, env!("CARGO_MANIFEST_DIR").to_owned()];
    for file in files(&RELEASE) {
        let content = fs::read(RELEASE.join(&file)).unwrap();
        for folder in &folders {
            let place = content.windows(folder.len()).position(|part| part == folder.as_bytes());
            assert!(place.is_none(), "{} holds {folder} at {place:?}", file.display());
        }
    }
}

/// A repository with what the checks of `scripts/release` read, and this at the top of its changelog.
fn repository(heading: &str) -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("scripts/lib")).unwrap();
    for file in ["Cargo.toml", "scripts/release", "scripts/lib/common.sh"] {
        fs::copy(shipped::path(file), folder.path(file)).unwrap();
    }
    fs::write(folder.path("CHANGELOG.md"), format!("# Changelog\n\n{heading}\n")).unwrap();
    git(&folder, &["init", "--quiet"]);
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "--quiet", "--message", "All"]);
    folder
}

fn git(folder: &Folder, arguments: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(folder.as_ref())
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", said(&done));
}

fn refusal(folder: &Folder) -> String {
    let output = Command::new(folder.path("scripts/release")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    said(&output)
}

#[test]
fn files_that_are_not_committed_are_refused() {
    let folder = repository("## [Unreleased]");
    fs::write(folder.path("new.rs"), "").unwrap();
    let said = refusal(&folder);
    assert!(said.contains("?? new.rs\nerror: these files are not committed"), "{said}");
}

#[test]
fn versions_that_differ_are_refused() {
    let version = env!("CARGO_PKG_VERSION");
    let said = refusal(&repository("## [9.9.9] - 2030-01-01"));
    let expected = format!(
        "CHANGELOG.md begins with '## [9.9.9] - 2030-01-01' and Cargo.toml has the version {version}"
    );
    assert!(said.contains(&expected), "{said}");

    let folder = repository(&format!("## [{version}] - 2030-01-01"));
    git(&folder, &["tag", "v9.9.9"]);
    let said = refusal(&folder);
    assert!(said.contains(&format!("the tag has to be v{version}")), "{said}");

    let folder = repository("## [Unreleased]");
    git(&folder, &["tag", &format!("v{version}")]);
    let said = refusal(&folder);
    assert!(said.contains("CHANGELOG.md begins with '## [Unreleased]'; give"), "{said}");
}

#[test]
fn a_folder_that_is_no_release_is_left_alone() {
    let folder = repository("## [Unreleased]");
    let precious = Folder::new();
    fs::write(precious.path("notes"), "mine").unwrap();
    let output = Command::new(folder.path("scripts/release"))
        .arg("--output")
        .arg(precious.as_ref())
        .output()
        .unwrap();
    assert!(said(&output).contains("exists and is no release"), "{}", said(&output));
    assert_eq!(fs::read_to_string(precious.path("notes")).unwrap(), "mine");
}
