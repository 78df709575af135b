"""Packs the module as an OCI image, in a folder that oras, skopeo and crane push to a registry.

It is the "compat" variant of the Wasm Image Specification: an ordinary image whose one layer holds
plugin.wasm. docs/release.md says why. The layer depends on the module alone; nothing here on the
machine, the user or the time. Used by scripts/release.
"""

import argparse
import gzip
import hashlib
import io
import json
import sys
import tarfile
import time
import zlib
from pathlib import Path

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def archive(module: bytes) -> bytes:
    """The module as the only file of an archive, without a user, a time or a name of this machine."""
    entry = tarfile.TarInfo("plugin.wasm")
    entry.size = len(module)
    entry.mode = 0o644
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(module))
    return packed.getvalue()


def document(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--version", required=True, help="the version, which is also the image's tag")
    parser.add_argument("--revision", required=True, help="the commit")
    parser.add_argument("--epoch", type=int, required=True, help="the commit's time, in seconds since 1970")
    parser.add_argument("--output", type=Path, required=True, help="the folder to make")
    options = parser.parse_args()
    if "ng" in zlib.ZLIB_RUNTIME_VERSION:
        print("this Python has zlib-ng, which compresses otherwise than zlib: "
              "the digests of layer and image differ from those that zlib gives", file=sys.stderr)

    blobs = options.output / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes, media_type: str) -> dict:
        named = digest(content)
        (blobs / named.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": media_type, "digest": named, "size": len(content)}

    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(options.epoch))
    layer = archive(options.module.read_bytes())
    annotations = {
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.revision": options.revision,
        "org.opencontainers.image.title": "envoy-stepup",
        "org.opencontainers.image.version": options.version,
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(document({
            "architecture": "wasm",
            "os": "wasip1",
            "created": created,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
            "history": [{"created": created, "created_by": "scripts/release"}],
        }), CONFIG),
        "layers": [put(gzip.compress(layer, compresslevel=9, mtime=0), LAYER)],
        "annotations": annotations,
    }
    image = put(document(manifest), MANIFEST)
    image["annotations"] = {"org.opencontainers.image.ref.name": options.version}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]}
    (options.output / "index.json").write_bytes(document(index))
    (options.output / "oci-layout").write_bytes(document({"imageLayoutVersion": "1.0.0"}))
    print(image["digest"])


main()
