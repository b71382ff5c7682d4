"""Drives our Connect server with 1Password's own client, so that a client that we did not write has to accept it."""

import os

import onepasswordconnectsdk
from onepasswordconnectsdk.errors import FailedToRetrieveItemException, FailedToRetrieveVaultException

url = os.environ["CONNECT_URL"]
client = onepasswordconnectsdk.client.new_client(url, os.environ["CONNECT_TOKEN"])


def refused(kind, status, call):
    """The call must fail so."""
    try:
        call()
    except kind as error:
        assert str(status) in str(error), error
    else:
        raise AssertionError(f"expected {status}")


# Vaults and items by name and by id.
assert [vault.name for vault in client.get_vaults()] == ["Deploy"]
vault = client.get_vault_by_title("Deploy")
assert client.get_vault(vault.id).name == "Deploy"
item = client.get_item("GitLab", "Deploy")
assert client.get_item(item.id, vault.id).version == item.version
refused(FailedToRetrieveItemException, 0, lambda: client.get_item("Missing", vault.id))
refused(FailedToRetrieveItemException, 404, lambda: client.get_item_by_id("a" * 26, vault.id))

# What the adapter wrote, and what it left alone.
fields = {field.label: field for field in item.fields}
credential = fields["credential"]
assert credential.value == os.environ["NEW"]
assert (credential.type, credential.section.id) == ("CONCEALED", "s1")
assert fields["password"].purpose == "PASSWORD"
assert (item.title, item.tags, item.favorite, item.category) == ("GitLab", ["ci"], True, "API_CREDENTIAL")
assert item.version == 2

# Somebody else changes the same field.
credential.value = os.environ["FOREIGN"]
changed = client.update_item(item.id, vault.id, item)
assert changed.version == 3
assert client.get_item(item.id, vault.id).version == 3

# A token that the server does not know.
stranger = onepasswordconnectsdk.client.new_client(url, "another")
refused(FailedToRetrieveVaultException, 401, stranger.get_vaults)
