"""What is wrong with a schema: file, field, rule and cure. See docs/reference/schema-rules.md.

`STRUCTURE` has the rules without which nothing reads a schema; `xref.schema_check` adds those of
content.
"""

from collections.abc import Mapping
from typing import Final

from xref.errors import ConfigError

STRUCTURE: Final[Mapping[str, str]] = {
    "file/json": "A schema is whole-number JSON of at most 256 KiB, no member twice.",
    "file/record": "A schema is one Avro record in a namespace, with 1 to 128 fields.",
    "file/attribute": "Only the attributes of the specification are given.",
    "file/neutral": "xref.neutral is true, or not given.",
    "field/name": "A field's name is lower-case words, used once.",
    "field/nullable": 'A field\'s type is ["null", T] with the default null: any may be withheld.',
    "field/id": "Every field has an xref.id from 1 to 65535 that no other field has or had.",
    "field/category": "Every field has a known xref.category.",
    "field/sensitivity": "Every field has a known xref.sensitivity.",
    "field/required": "xref.required is true or false.",
    "field/source": 'xref.source is "ours" or lines of the sources.',
    "field/derived": "xref.derived names a function and the value that it is derived from.",
    "type/map": "No map: its keys would be names that nobody agreed on.",
    "type/float": "No float or double: two machines write them differently.",
    "type/union": "No union but the field's own, and no null inside a value.",
    "type/known": "No logical type, alias, recursion or type that is not defined before its use.",
    "type/array": "An array says how many items it has at most, xref.max_items from 1 to 4096.",
    "type/enum": "An enum's symbols are capital words, each once; a default is one of them, and "
    "meanings are one for each.",
    "type/fixed": "A fixed has 1 to 4096 bytes.",
    "type/record": "A record inside a field has at least one member, each with a name of its own.",
    "type/bytes": "xref.max_bytes, from 1 to 131072, bounds a field of bytes and nothing else.",
    "value/kind": "xref.value names a known kind that goes with the type.",
}


class SchemaError(ConfigError):
    """One fault of a schema, by the rule that it breaks."""

    def __init__(self, rule: str, problem: str, cure: str, field: str = "") -> None:
        """Keep the parts beside the sentence that they make."""
        super().__init__(f"{f'field {field}: ' if field else ''}{problem}; {cure} [{rule}]")
        self.rule = rule
        self.problem = problem
        self.cure = cure
        self.field = field

    def at(self, field: str) -> "SchemaError":
        """Return the same fault, said of a field unless it names one already."""
        return SchemaError(self.rule, self.problem, self.cure, self.field or field)
