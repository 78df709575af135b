"""Makes of what cargo-cyclonedx found the SBOM of one built file.

cargo-cyclonedx describes a package: it lists optional dependencies that no feature turns on, and puts
the folder that it ran in into identifiers. Here remains what `cargo tree` says is built; what only runs
while building is marked as such; the file's digest and Rust's standard library are added. Used by
scripts/release.
"""

import argparse
import hashlib
import json
from pathlib import Path


def crates(listing: Path) -> set:
    """Names and versions in the output of `cargo tree --prefix none --format '{p}'`."""
    lines = [line.split() for line in listing.read_text().splitlines() if line]
    return {(words[0], words[1].removeprefix("v")) for words in lines}


def identity(component: dict) -> tuple:
    return component["name"], component["version"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--found", type=Path, required=True, help="the document of cargo-cyclonedx")
    parser.add_argument("--folder", required=True, help="the folder that cargo-cyclonedx ran in")
    parser.add_argument("--linked", type=Path, required=True, help="the crates whose code is in the file")
    parser.add_argument("--built", type=Path, required=True, help="these, and those that build them")
    parser.add_argument("--file", type=Path, required=True, help="the file that is described")
    parser.add_argument("--rust", required=True, help="the version of Rust")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()

    text = options.found.read_text().replace(f"file://{options.folder}", "file:///envoy-stepup")
    bom = json.loads(text)
    linked, built = crates(options.linked), crates(options.built)

    kept = [component for component in bom["components"] if identity(component) in built]
    missing = built - {identity(component) for component in kept} - {identity(bom["metadata"]["component"])}
    if missing:
        raise SystemExit(f"error: cargo-cyclonedx did not find {sorted(missing)}")
    for component in kept:
        component["scope"] = "required" if identity(component) in linked else "excluded"

    root = bom["metadata"]["component"]
    root["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(options.file.read_bytes()).hexdigest()}]
    # The package has a library and a command; this document is about one file.
    root.pop("components", None)
    root["properties"] = [{"name": "file", "value": options.file.name}]
    library = {
        "type": "library",
        "bom-ref": f"rust-std@{options.rust}",
        "name": "std",
        "version": options.rust,
        "description": "Rust's standard library, as it comes with the tool chain",
        "scope": "required",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "purl": f"pkg:generic/rust-std@{options.rust}",
    }
    bom["components"] = [*kept, library]

    known = {component["bom-ref"] for component in [root, *bom["components"]]}
    bom["dependencies"] = [
        {"ref": node["ref"], "dependsOn": [ref for ref in node.get("dependsOn", []) if ref in known]}
        for node in bom["dependencies"] if node["ref"] in known
    ]
    for node in bom["dependencies"]:
        if node["ref"] == root["bom-ref"]:
            node["dependsOn"].append(library["bom-ref"])
    bom["dependencies"].append({"ref": library["bom-ref"], "dependsOn": []})
    options.output.write_text(json.dumps(bom, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


main()
