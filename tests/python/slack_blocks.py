"""slack_sdk reads every message and view that rekey can send. Takes the folder of JSON files; exits with 1 and one line
for each fault."""

import json
import pathlib
import sys

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, SectionBlock
from slack_sdk.models.views import View


def judge(kind, body):
    blocks = Block.parse_all(body["blocks"])
    assert len(blocks) == len(body["blocks"]), "a block was not understood"
    for block in blocks:
        block.validate_json()
    if kind != "message":
        View(**body).validate_json()


try:
    SectionBlock(text="x" * 3001).validate_json()
    sys.exit("a judge that lets everything pass is worth nothing")
except SlackObjectFormationError:
    pass

faults = 0
files = sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
for path in files:
    content = json.loads(path.read_text())
    try:
        judge(content["kind"], content["body"])
    except (AssertionError, SlackObjectFormationError, TypeError) as error:
        print(f"{path.name}: {error}")
        faults += 1
print(f"slack_sdk: {len(files)} messages and views, {faults} faults")
sys.exit(faults > 0 or len(files) < 50)
