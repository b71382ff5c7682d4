"""Checks what Rust cannot read: the Slack manifests against Slack's own schemas, the Kubernetes manifests against the
schemas of Kubernetes and the rules that we promise, and what the Dockerfile gets to see. Needs Rust and what
requirements.txt lists. Exits with 1 and one line for each thing that is wrong."""

import copy
import json
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile

import jsonschema
import kubernetes_validate
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


def built(folder):
    """What kubectl makes of a kustomization, by kind and name."""
    made = subprocess.run([kubectl(), "kustomize", folder], check=True, capture_output=True, text=True).stdout
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(made)}


def kubectl():
    return pathlib.Path(sysconfig.get_path("scripts")) / "kubectl"


def kubernetes():
    folder = ROOT / "manifests/kubernetes"
    listed = set(yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"])
    found = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    if listed != found:
        yield f"kustomization.yaml lists {sorted(listed)}, the folder has {sorted(found)}"
    base = built(folder)
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, f"{copy}/kubernetes")
        with open(f"{copy}/kubernetes/kustomization.yaml", "a") as kustomization:
            kustomization.write("components:\n  - secret-store\n")
        with_store = built(f"{copy}/kubernetes")
    for name, made in (("base", base), ("with secret-store", with_store)):
        yield from (f"{name}: {wrong}" for wrong in strictly(made) + promised(made))
    yield from (f"base: {wrong}" for wrong in alone(base))
    yield from (f"with secret-store: {wrong}" for wrong in beside_a_cluster(with_store))


def strictly(made):
    """By the schemas of Kubernetes itself, unknown fields included."""
    wrong = []
    for (kind, name), one in made.items():
        try:
            kubernetes_validate.validate(one, "1.37", strict=True)
        except kubernetes_validate.ValidationError as error:
            wrong.append(f"{kind} {name}: {error.message}")
    return wrong


def pod_of(made):
    return made["Deployment", "rekey"]["spec"]["template"]["spec"]


def egress(made):
    rules = made["NetworkPolicy", "rekey"]["spec"]["egress"]
    return {port["port"] for rule in rules for port in rule["ports"]}


def promised(made):
    pod = pod_of(made)
    (container,) = pod["containers"]
    rules = {
        "not root": pod["securityContext"]["runAsNonRoot"] is True,
        "seccomp": pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault",
        "an account of its own": ("ServiceAccount", pod["serviceAccountName"]) in made,
        "no token of a year": pod["automountServiceAccountToken"] is False,
        "read-only root": container["securityContext"]["readOnlyRootFilesystem"] is True,
        "no escalation": container["securityContext"]["allowPrivilegeEscalation"] is False,
        "no capabilities": container["securityContext"]["capabilities"] == {"drop": ["ALL"]},
        "probes": (container["livenessProbe"]["httpGet"]["path"], container["readinessProbe"]["httpGet"]["path"])
        == ("/healthz", "/readyz"),
    }
    return [f"{rule}: not kept" for rule, kept in rules.items() if not kept]


def alone(made):
    if egress(made) != {53, 443}:
        yield f"it lets out {egress(made)}"
    if any("projected" in volume for volume in pod_of(made)["volumes"]) or ("Role", "rekey") in made:
        yield "it has rights in the cluster"


def beside_a_cluster(made):
    (container,) = pod_of(made)["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    projected = {volume["name"]: volume["projected"] for volume in pod_of(made)["volumes"] if "projected" in volume}
    # Where the store looks for its token by default.
    if [mounts.get(name) for name in projected] != ["/var/run/secrets/kubernetes.io/serviceaccount"]:
        yield "the token is not where the store looks for it"
    if egress(made) != {53, 443, 6443}:
        yield f"it lets out {egress(made)}"
    (subject,) = made["RoleBinding", "rekey"]["subjects"]
    if (subject["kind"], subject["name"]) != ("ServiceAccount", pod_of(made)["serviceAccountName"]):
        yield "the role is bound to somebody else"
    for rule in made["Role", "rekey"]["rules"]:
        if not rule.get("resourceNames") or not set(rule["verbs"]) <= {"get", "patch"}:
            yield f"the role may more than it must: {rule}"


def context():
    """What the Dockerfile's build gets to see is a crate that Cargo takes."""
    seen = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    with tempfile.TemporaryDirectory() as folder:
        for name in seen:
            source, target = ROOT / name, pathlib.Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        host = subprocess.run(["rustc", "--print", "host-tuple"], check=True, capture_output=True, text=True).stdout
        asked = ["cargo", "fetch", "--locked", "--target", host.strip()]
        taken = subprocess.run(asked, cwd=folder, capture_output=True, text=True)
        if taken.returncode:
            yield f"the Dockerfile's context: {taken.stderr.strip()}"


if __name__ == "__main__":
    wrong = [*slack(), *kubernetes(), *context()]
    print("\n".join(wrong) if wrong else "manifests: ok")
    sys.exit(bool(wrong))
