"""Models whose JSON schema tells what stands below each field, read when a schema is asked for.

pydantic's own `use_attribute_docstrings` reads the source of a class as it is defined: 7 ms for
each, in every door that is opened, and most of them never show a schema.
"""

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema


class Described(BaseModel):
    """The base of all that is filled in from outside or shown to it: frozen, and strict on names.

    A string below a field describes it.
    """

    # Built at the first use: a door loads models of kinds that nobody submits.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> dict[str, Any]:
        schema = handler(core_schema)
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        for model in cls.__mro__:
            if issubclass(model, Described) and model is not Described:
                for name, words in _descriptions(model).items():
                    if name in fields:
                        fields[name].setdefault("description", words)
        return schema


def _descriptions(model: type) -> dict[str, str]:
    """Field -> the string below it; nothing where there is no source, as in an archive."""
    try:
        parsed = ast.parse(textwrap.dedent(inspect.getsource(model)))
    except (OSError, TypeError, SyntaxError):
        return {}
    (body,) = [node.body for node in parsed.body if isinstance(node, ast.ClassDef)]
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
