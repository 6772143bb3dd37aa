"""JSON against a schema, as far as the schemas of this package go."""

import re


def valid(value, schema, whole):
    """Return whether a value is as a schema says: the keywords that the schema here uses."""
    kinds = {"object": dict, "array": list, "string": str, "number": int | float, "integer": int, "boolean": bool}
    kinds["null"] = type(None)
    if "$ref" in schema:
        return valid(value, whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole)
    known = {
        *("$schema", "$defs", "title", "description", "type", "const", "enum", "pattern", "minimum", "minProperties"),
        *("required", "properties", "additionalProperties", "items", "anyOf", "oneOf"),
    }
    assert {*schema} <= known
    names = schema.get("type", [])
    types = [kinds[name] for name in ([names] if isinstance(names, str) else names)]
    checks = [
        not types or any(isinstance(value, kind) for kind in types),
        "const" not in schema or value == schema["const"],
        "enum" not in schema or value in schema["enum"],
    ]
    if isinstance(value, str) and "pattern" in schema:
        checks.append(re.search(schema["pattern"], value) is not None)
    if isinstance(value, int | float) and "minimum" in schema:
        checks.append(value >= schema["minimum"])
    if isinstance(value, dict):
        more, properties = schema.get("additionalProperties", {}), schema.get("properties", {})
        checks += [name in value for name in schema.get("required", [])]
        checks.append(len(value) >= schema.get("minProperties", 0))
        for name, one in value.items():
            inner = properties.get(name, more)
            checks.append(inner is not False and valid(one, inner, whole))
    if isinstance(value, list) and "items" in schema:
        checks += [valid(one, schema["items"], whole) for one in value]
    if "anyOf" in schema:
        checks.append(any(valid(value, one, whole) for one in schema["anyOf"]))
    if "oneOf" in schema:
        checks.append(sum(valid(value, one, whole) for one in schema["oneOf"]) == 1)
    return all(checks)
