"""Drives our key vault with Microsoft's own client, so that a client that we did not write has to accept it."""

import os
import time

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

NAME = "deploy-token"


class Known:
    """A token from elsewhere; asked for with what the vault's challenge says."""

    def get_token(self, *scopes, **options):
        assert scopes == ("https://127.0.0.1/.default",), scopes
        assert options["tenant_id"] == "72f988bf-86f1-41af-91ab-2d7cd011db47", options
        return AccessToken(os.environ["TOKEN"], int(time.time()) + 3600)


client = SecretClient(
    os.environ["VAULT"],
    Known(),
    verify_challenge_resource=False,
    connection_verify=os.environ["CA"],
    retry_total=0,
)

# What the adapter wrote.
secret = client.get_secret(NAME)
assert secret.value == os.environ["NEW"]
assert secret.properties.tags["gitlab-token-id"] == "8"
assert secret.properties.tags["team"] == "deploy"
assert secret.properties.expires_on.isoformat() == "2027-11-21T00:00:00+00:00"
assert secret.properties.content_type == "text/x-token"
assert client.get_secret(NAME, secret.properties.version).value == secret.value

# Versions, over several pages.
for number in range(30):
    client.set_secret(NAME, f"value {number}", tags={"number": str(number)}, content_type="text/plain")
versions = list(client.list_properties_of_secret_versions(NAME))
assert len(versions) == 32 and len({version.version for version in versions}) == 32
changed = client.update_secret_properties(NAME, versions[0].version, tags={"seen": "yes"})
assert changed.tags == {"seen": "yes"}

# What is not there, and what is refused.
for kind, call in [
    (ResourceNotFoundError, lambda: client.get_secret("missing")),
    (HttpResponseError, lambda: client.set_secret(NAME, "x", tags={str(n): "" for n in range(16)})),
    (HttpResponseError, lambda: client.set_secret(NAME, "x" * 25_601)),
]:
    try:
        call()
    except kind:
        continue
    raise AssertionError("it was not refused")

# Deleted, and recovered.
client.begin_delete_secret(NAME).result()
try:
    client.set_secret(NAME, "x")
except HttpResponseError as error:
    assert error.status_code == 409, error
else:
    raise AssertionError("a deleted secret was written")
assert client.get_deleted_secret(NAME).name == NAME
client.begin_recover_deleted_secret(NAME).result()

# Somebody else's value.
assert client.set_secret(NAME, os.environ["FOREIGN"]).value == os.environ["FOREIGN"]
