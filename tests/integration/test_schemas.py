#!/usr/bin/python3
"""Every example under schemas/examples is accepted or refused by its schema as its folder says.

Folders named KIND-by-rule hold what no schema can express: their examples pass it, and only the parser refuses them, which
tests/unit/common/test_examples.c checks. Needs python3-jsonschema.
"""
import json
import pathlib
import sys

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"
BY_RULE = "-by-rule"


def validator_of(kind):
    schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check_example(path):
    """None, or what is wrong."""
    folder, verdict = path.parent.name, path.parent.parent.name
    accepted = verdict == "valid" or folder.endswith(BY_RULE)
    errors = list(validator_of(folder.removesuffix(BY_RULE)).iter_errors(json.loads(path.read_text())))
    if accepted and errors:
        return f"refused: {errors[0].message[:200]}"
    return None if accepted or errors else "accepted"


def main():
    failed = 0
    examples = sorted(SCHEMAS.glob("examples/*/*/*.json"))
    for path in examples:
        fault = check_example(path)
        if fault:
            failed += 1
            print(f"{path.relative_to(SCHEMAS)}: {fault}")
    kinds = {schema.name.split(".")[0] for schema in SCHEMAS.glob("*.schema.json")}
    for verdict in ("valid", "invalid"):
        for kind in sorted(kinds):
            if not any((SCHEMAS / "examples" / verdict / kind).glob("*.json")):
                failed += 1
                print(f"{kind}: no {verdict} example")
    print(f"{len(examples) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not examples else 0


if __name__ == "__main__":
    sys.exit(main())
