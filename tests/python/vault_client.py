"""hvac, a client that we did not write, reads what rekey wrote: `vault_client.py ADDRESS PATH`.

The token and the value that must be there come from the environment, so that they are in no list of processes.
"""

import os
import sys

import hvac

address, path = sys.argv[1:]
client = hvac.Client(url=address, token=os.environ["VAULT_TOKEN"], verify=os.environ.get("VAULT_CA") or True)
assert client.is_authenticated()
secret = client.secrets.kv.v2.read_secret_version(path=path, mount_point="secret", raise_on_deleted_version=True)
assert secret["data"]["data"]["token"] == os.environ["EXPECTED"], "another value"
assert secret["data"]["data"]["user"] == "deploy-bot", "the other field is lost"
history = client.secrets.kv.v2.read_secret_metadata(path=path, mount_point="secret")
print(history["data"]["current_version"])
