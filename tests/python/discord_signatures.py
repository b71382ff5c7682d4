"""Signs requests with PyNaCl and asks Discord's own library for Python whether it would believe them.

One JSON object a line: seed (hex), timestamp, body. One line back: public key, signature, verdict of the library.
"""

import json
import sys

from discord_interactions import verify_key
from nacl.signing import SigningKey

for line in sys.stdin:
    asked = json.loads(line)
    key = SigningKey(bytes.fromhex(asked["seed"]))
    body, time = asked["body"].encode(), asked["timestamp"]
    signature = key.sign(time.encode() + body).signature.hex()
    public = key.verify_key.encode().hex()
    print(json.dumps({"public": public, "signature": signature, "believed": verify_key(body, signature, time, public)}))
