"""What lies within a cell: a field of a struct, a key of a JSON text, or a parameter of a list of keys and values."""

from leadml.sources.sql import ident, literal

# How a value of a list is kept: plainly, or (GA4) under the name of its type.
_VALUES = ("string_value", "int_value", "double_value", "float_value")
_LIST = ("key", "name")


def typed_text(column: str, key: str, type_name: str) -> str:
    """Text of what ``key`` reaches in a column of a type of DuckDB; "" is the column itself.

    A list of structs, maps and JSON are searched as their JSON text; a struct by its fields, a.b for b within a.
    """
    whole = ident(column)
    nested = type_name.startswith(("STRUCT", "MAP")) or type_name.endswith("[]")
    if not key:
        return f"to_json({whole})::VARCHAR" if nested else f"{whole}::VARCHAR"
    if type_name.startswith("STRUCT") and not type_name.endswith("[]"):
        path = literal("$." + ".".join(f'"{part}"' for part in key.split(".")))
        return f"(to_json({whole}) ->> {path})"
    plain = type_name.replace('"', "")
    if type_name.endswith("[]") and "(key " in plain and "value STRUCT" in plain:
        value = f"list_filter({whole}, lambda p: p.key = {literal(key)})[1].value"
        kinds = [k for k in _VALUES if f"{k} " in plain]
        return f"coalesce({', '.join(f'{value}.{k}::VARCHAR' for k in kinds)})"
    return json_text(f"to_json({whole})" if nested else f"{whole}::VARCHAR", key)


def json_text(expr: str, key: str) -> str:
    """Text of what ``key`` reaches in a JSON text: a key of an object, or a parameter of a list; NULL without it."""
    whole = literal(f'$."{key}"')
    steps = literal("$." + ".".join(f'"{part}"' for part in key.split(".")))
    reached = f"coalesce({expr} ->> {whole}, {expr} ->> {steps})" if "." in key else f"({expr} ->> {whole})"
    names = " OR ".join(f"(p ->> '$.{name}') = {literal(key)}" for name in _LIST)
    item = f"list_filter(from_json({expr}, '[\"json\"]'), lambda p: {names})[1]"
    kinds = ", ".join(f"{item} ->> '$.value.{kind}'" for kind in _VALUES)
    listed = f"coalesce({kinds}, {item} ->> '$.value')"
    return (
        f"CASE WHEN NOT coalesce(json_valid({expr}), FALSE) THEN NULL "
        f"WHEN json_type({expr}) = 'OBJECT' THEN {reached} WHEN json_type({expr}) = 'ARRAY' THEN {listed} END"
    )
