"""Kubernetes' official client reads, patches and restarts in the cluster that the tests stand up."""

import base64
import sys

from kubernetes import client
from kubernetes.client.rest import ApiException

url, token, old, new = sys.argv[1:]
configuration = client.Configuration(host=url)
configuration.api_key = {"authorization": f"Bearer {token}"}
api = client.ApiClient(configuration)
core, apps = client.CoreV1Api(api), client.AppsV1Api(api)

secret = core.read_namespaced_secret("gitlab", "apps")
assert base64.b64decode(secret.data["token"]).decode() == old
stale = secret.metadata.resource_version


def patch(value, version):
    data = {"token": base64.b64encode(value.encode()).decode()}
    return core.patch_namespaced_secret(
        "gitlab", "apps", {"metadata": {"resourceVersion": version}, "data": data}
    )


patch("something else", stale)
try:
    patch(new, stale)
    raise SystemExit("a stale write was taken")
except ApiException as error:
    assert error.status == 409 and "modified" in error.body, error
fresh = core.read_namespaced_secret("gitlab", "apps").metadata.resource_version
assert fresh != stale
core.patch_namespaced_secret("gitlab", "apps", {"data": {"token": "bm90aGluZw=="}}, dry_run="All")
assert core.read_namespaced_secret("gitlab", "apps").metadata.resource_version == fresh
patch(new, fresh)

mark = {"spec": {"template": {"metadata": {"annotations": {"rekey/rotation": "1"}}}}}
assert apps.patch_namespaced_deployment("web", "apps", mark).metadata.generation == 2
assert apps.patch_namespaced_deployment("web", "apps", mark).metadata.generation == 2

for name, status in [("nobody", 404)]:
    try:
        core.read_namespaced_secret(name, "apps")
        raise SystemExit("found what is not there")
    except ApiException as error:
        assert error.status == status, error
configuration.api_key = {"authorization": "Bearer wrong"}
try:
    client.CoreV1Api(client.ApiClient(configuration)).read_namespaced_secret("gitlab", "apps")
    raise SystemExit("a wrong token was believed")
except ApiException as error:
    assert error.status == 401, error
