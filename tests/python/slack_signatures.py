"""slack_sdk signs: one JSON object a line with secret, timestamp and body comes in, one signature a line goes out."""

import json
import sys

from slack_sdk.signature import SignatureVerifier

for line in sys.stdin:
    asked = json.loads(line)
    verifier = SignatureVerifier(asked["secret"])
    print(verifier.generate_signature(timestamp=asked["timestamp"], body=asked["body"]))
