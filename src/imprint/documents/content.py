"""What a decoded document is, seen from its content: an interface's description, a schema, or records and rows."""

from imprint.documents import openapi, records, schema
from imprint.documents.tokens import Tokens
from imprint.documents.types import Parsed


def read(tokens: Tokens) -> Parsed:
    """What a decoded document holds."""
    if openapi.is_openapi(tokens.value):
        return openapi.parse(tokens)
    if schema.is_schema(tokens.value):
        return schema.parse(tokens)
    return records.gather(tokens)
