"""Names are the field's nouns and verbs, a class name means one thing, and records go where parameters tramp.

The numbers are what is left of older habits. They only get smaller: lower one when you have mended some.
"""

import ast
from pathlib import Path

from tools.figures import MANY_CLASSES, MANY_PARAMETERS, classes, functions

SOURCE = Path(__file__).parents[2] / "src" / "culm"

PRONOUNS = {"around", "found", "one", "said", "seen", "told", "way", "well"}
"""Variables, parameters, attributes and functions of these names say nothing of what they hold or do."""

HIDING = {"all", "any", "dict", "filter", "iter", "list", "map", "max", "min", "next", "set", "sorted", "tuple"}
"""Names of functions that a module may not define: there, nobody knows any more which is called."""

WIDE_FUNCTIONS = 18
SEVERAL_MEANINGS = {
    "Filter",
    "Request",
    "Service",
    "Tag",
}
"""Class names with three meanings or more. AWS's own inputs (TagResourceInput) are defined where they are served."""


def test_no_name_is_a_pronoun_or_a_verb_of_hearsay():
    bad = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case (
                    ast.Name(id=name, ctx=ast.Store())
                    | ast.Attribute(attr=name, ctx=ast.Store())
                    | ast.arg(arg=name)
                    | ast.FunctionDef(name=name)
                    | ast.AsyncFunctionDef(name=name)
                ) if name in PRONOUNS:
                    bad.append(f"{path.relative_to(SOURCE)}:{node.lineno} {name}")
    assert bad == []


def test_functions_take_at_most_five_parameters():
    wide = [f"{each.place} {each.name}" for each in functions(SOURCE) if each.parameters >= MANY_PARAMETERS]
    assert len(wide) <= WIDE_FUNCTIONS, wide


def test_a_class_name_has_at_most_two_meanings():
    repeated = {name for name, count in classes(SOURCE).items() if count >= MANY_CLASSES and not name.endswith("Input")}
    assert repeated - SEVERAL_MEANINGS == set()


def test_no_module_hides_a_builtin_collection_function():
    hiding = [
        f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}"
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name in HIDING
    ]
    assert hiding == []
