"""Holds an OpenAPI document to the specification, and its examples to its own schemas."""

import sys

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = "urn:contract"


def examples_of(holder, validator_of, where):
    """Yields each example beside a schema: of media types, parameters and headers."""
    if "schema" not in holder:
        return
    values = [(where, holder["example"])] if "example" in holder else []
    for name, example in holder.get("examples", {}).items():
        values.append((f"{where}/examples/{name}", example["value"]))
    for place, value in values:
        # Text of other media types is no JSON, but a string in JSON Schema all the same.
        yield place, value, validator_of(holder["schema"])


def walk(node, validator_of, where="#"):
    if isinstance(node, dict):
        yield from examples_of(node, validator_of, where)
        for key, value in node.items():
            # What stands in an example is data, whatever it looks like.
            if key not in ("example", "examples"):
                yield from walk(value, validator_of, f"{where}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, validator_of, f"{where}/{index}")


def main(path):
    with open(path, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    errors = OpenAPIV31SpecValidator(document).iter_errors()
    complaints = [f"{list(error.path)}: {error.message}" for error in errors]

    registry = Registry().with_resource(ROOT, Resource(document, DRAFT202012))

    def validator_of(schema):
        schema = {**schema, "$id": ROOT + ":part"} if "$ref" not in schema else schema
        absolute = absolute_references(schema)
        return Draft202012Validator(absolute, registry=registry, format_checker=FormatChecker())

    def absolute_references(node):
        if isinstance(node, dict):
            return {
                key: ROOT + value if key == "$ref" else absolute_references(value)
                for key, value in node.items()
            }
        return [absolute_references(value) for value in node] if isinstance(node, list) else node

    count = 0
    for where, value, validator in walk(document, validator_of):
        count += 1
        for error in validator.iter_errors(value):
            complaints.append(f"{where}: {error.json_path}: {error.message}")
    for item in document["paths"].values():
        for method, operation in item.items():
            if method == "parameters":
                continue
            for part in ("operationId", "summary", "description", "tags"):
                if not operation.get(part):
                    complaints.append(f"{operation.get('operationId', item)}: no {part}")
    if count < 50:
        complaints.append(f"only {count} examples were found")
    print("\n".join(complaints) or f"valid, with {count} examples")
    return 1 if complaints else 0


sys.exit(main(sys.argv[1]))
