"""Checks what Rust cannot read: the Slack manifests against Slack's own schemas, the Kubernetes manifests against the
rules that we promise. Needs PyYAML and jsonschema. Exits with 1 and one line for each thing that is wrong."""

import copy
import json
import pathlib
import sys

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent


def slack():
    apps = {name: yaml.safe_load((ROOT / f"manifests/slack/app.{name}.yaml").read_text()) for name in ("http", "socket")}
    for name, manifest in apps.items():
        for version in (1, 2):
            schema = json.loads((ROOT / f"tests/samples/slack-manifest/manifest.schema.{version}.0.0.json").read_text())
            tried = copy.deepcopy(manifest)
            tried["_metadata"]["major_version"] = version
            for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(tried):
                yield f"slack manifest {name}, schema {version}: {error.json_path}: {error.message}"
    # By either way the app is the same and may do the same.
    without = lambda manifest: {**manifest, "settings": None, "features": {**manifest["features"], "slash_commands": None}}
    if without(apps["http"]) != without(apps["socket"]):
        yield "the two slack manifests differ in more than the way"
    events = [app["settings"]["event_subscriptions"]["bot_events"] for app in apps.values()]
    if events[0] != events[1]:
        yield "the two slack manifests subscribe to different events"
    if "https://" in yaml.safe_dump(apps["socket"]):
        yield "the slack manifest for sockets names an address"


def kubernetes():
    folder = ROOT / "manifests/kubernetes"
    listed = set(yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"])
    found = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    if listed != found:
        yield f"kustomization.yaml lists {sorted(listed)}, the folder has {sorted(found)}"
    pod = yaml.safe_load((folder / "deployment.yaml").read_text())["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    rules = {
        "not root": pod["securityContext"]["runAsNonRoot"] is True,
        "seccomp": pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault",
        "no service account": pod["automountServiceAccountToken"] is False,
        "read-only root": container["securityContext"]["readOnlyRootFilesystem"] is True,
        "no escalation": container["securityContext"]["allowPrivilegeEscalation"] is False,
        "no capabilities": container["securityContext"]["capabilities"] == {"drop": ["ALL"]},
        "probes": (container["livenessProbe"]["httpGet"]["path"], container["readinessProbe"]["httpGet"]["path"])
        == ("/healthz", "/readyz"),
    }
    yield from (f"deployment.yaml: {rule} is not kept" for rule, kept in rules.items() if not kept)


if __name__ == "__main__":
    wrong = [*slack(), *kubernetes()]
    print("\n".join(wrong) if wrong else "manifests: ok")
    sys.exit(bool(wrong))
