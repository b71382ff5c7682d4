"""Google's official clients for credentials and for Secret Manager, against the fake that rekey is tested with."""

import json
import os

import google.auth
import google.auth.transport.requests
import google_crc32c
from google.api_core import exceptions
from google.auth import identity_pool
from google.auth.compute_engine import Credentials as OfTheMachine
from google.cloud import secretmanager
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
from google.oauth2 import service_account

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
SECRET = "projects/acme-prod/secrets/deploy-token"

identities = [
    service_account.Credentials.from_service_account_info(json.loads(os.environ["KEY_FILE"]), scopes=SCOPES),
    identity_pool.Credentials.from_info(json.loads(os.environ["EXTERNAL"]), scopes=SCOPES),
    OfTheMachine(scopes=SCOPES),
]
for identity in identities:
    identity.refresh(google.auth.transport.requests.Request())
    assert identity.token.startswith("ya29."), identity.token

host = os.environ["API"].removeprefix("http://")
for identity in identities:
    transport = SecretManagerServiceRestTransport(host=host, url_scheme="http", credentials=identity)
    client = secretmanager.SecretManagerServiceClient(transport=transport)
    secret = client.get_secret(name=SECRET)
    assert secret.labels is not None and secret.etag, secret

    def crc(data):
        checksum = google_crc32c.Checksum()
        checksum.update(data)
        return int(checksum.hexdigest(), 16)

    value = b"from python"
    version = client.add_secret_version(parent=SECRET, payload={"data": value, "data_crc32c": crc(value)})
    assert version.client_specified_payload_checksum and version.state.name == "ENABLED", version
    number = int(version.name.rsplit("/", 1)[1])
    got = client.access_secret_version(name=f"{SECRET}/versions/latest")
    assert got.payload.data == value and got.payload.data_crc32c == crc(value)
    assert got.name == version.name, (got.name, version.name)
    try:
        client.add_secret_version(parent=SECRET, payload={"data": value, "data_crc32c": 1})
        raise AssertionError("a wrong checksum was taken")
    except exceptions.BadRequest:
        pass

    moved = {"name": SECRET, "etag": secret.etag, "version_aliases": {**secret.version_aliases, "current": number}}
    secret = client.update_secret(secret=moved, update_mask={"paths": ["version_aliases"]})
    assert dict(secret.version_aliases)["current"] == number
    try:
        client.update_secret(secret=moved, update_mask={"paths": ["version_aliases"]})
        raise AssertionError("a change from an old state was taken")
    except exceptions.Conflict:
        pass
    assert client.access_secret_version(name=f"{SECRET}/versions/current").name == version.name

    states = {entry.name: entry.state.name for entry in client.list_secret_versions(parent=SECRET)}
    assert states[version.name] == "ENABLED" and len(states) == number, states
    assert client.disable_secret_version(name=version.name).state.name == "DISABLED"
    try:
        client.access_secret_version(name=version.name)
        raise AssertionError("a disabled version was read")
    except exceptions.BadRequest:
        pass
    assert client.destroy_secret_version(name=version.name).state.name == "DESTROYED"
    client.add_secret_version(parent=SECRET, payload={"data": b"so that latest can be read"})
    allowed = client.test_iam_permissions(
        request={"resource": SECRET, "permissions": ["secretmanager.versions.add", "secretmanager.secrets.get"]}
    )
    assert len(allowed.permissions) == 2
    try:
        client.access_secret_version(name="projects/acme-prod/secrets/other/versions/latest")
        raise AssertionError("another secret was there")
    except exceptions.NotFound:
        pass

print("accepted")
