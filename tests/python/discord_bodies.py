"""Validates bodies against Discord's OpenAPI file. Arguments: the file, then a file with one JSON object a line:
name, schema, body. Prints what is wrong, nothing if nothing is."""

import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as file:
    components = json.load(file)["components"]
validators = {}
wrong = 0
with open(sys.argv[2], encoding="utf-8") as file:
    for line in file:
        one = json.loads(line)
        name = one["schema"]
        if name not in validators:
            schema = {"$ref": f"#/components/schemas/{name}", "components": components}
            validators[name] = Draft202012Validator(schema)
        for error in validators[name].iter_errors(one["body"]):
            wrong += 1
            place = "/".join(str(part) for part in error.absolute_path)
            print(f"{one['name']}: {name} /{place}: {error.message[:300]}")
sys.exit(1 if wrong else 0)
