"""Names are the field's nouns and verbs, a class name means one thing, and records go where parameters tramp.

Docstrings begin with the verb: a function does something, and "The port" leaves open what it does about the port.

The numbers are what is left of older habits. They only get smaller: lower one when you have mended some.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.figures import MANY_CLASSES, MANY_PARAMETERS, Modules, classes, functions, parsed

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

NO_VERB = re.compile(
    r"a|an|the|this|that|these|they|it|its|there|one|two|all|any|each|every|either|both|some|such|most|more|enough"
    r"|only|no|none|nothing|nobody|never|not|somebody|everything|what|which|who|whose|whoever|when|where|while|since"
    r"|until|why|how|whether|if|as|because|although|after|before|at|behind|beside|between|below|by|for|from|in|into"
    r"|of|on|over|to|under|up|with|without|against|according|also|first|newest|oldest|true|false|epoch|part"
)
"""First words of docstrings that name a thing, and leave open what the function does about it."""
NAMED = {"property", "cached_property", "setter", "command", "group"}
"""Decorators of what is no function to its reader: properties, and commands, whose docstrings are their help."""


@pytest.fixture(scope="module")
def modules() -> Modules:
    return parsed(SOURCE)


def public_functions(parent: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions and methods that are public, as are their classes; not functions inside of functions."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.expr) or (getattr(node, "name", None) or "").startswith("_"):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        else:
            yield from public_functions(node)


def begins_with_noun(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a docstring begins with code, a name, a number, a plural or another word that is no plain verb."""
    documentation = ast.get_docstring(function, clean=False)
    decorators = {re.split(r"[(\[]", ast.unparse(each))[0].rpartition(".")[2] for each in function.decorator_list}
    if documentation is None or decorators & NAMED:
        return False
    verb = re.match(r"([A-Z][a-z]*(?:ss|[a-rt-z]))(?=[\s,;:.]|$)", documentation.lstrip())
    return verb is None or NO_VERB.fullmatch(verb[1].lower()) is not None


def test_no_name_is_a_pronoun_or_a_verb_of_hearsay(modules: Modules):
    bad = []
    for path, module in modules.items():
        for node in ast.walk(module):
            match node:
                case (
                    ast.Name(id=name, ctx=ast.Store())
                    | ast.Attribute(attr=name, ctx=ast.Store())
                    | ast.arg(arg=name)
                    | ast.FunctionDef(name=name)
                    | ast.AsyncFunctionDef(name=name)
                ) if name in PRONOUNS:
                    bad.append(f"{path}:{node.lineno} {name}")
    assert bad == []


def test_functions_take_at_most_five_parameters(modules: Modules):
    wide = [f"{each.place} {each.name}" for each in functions(modules) if each.parameters >= MANY_PARAMETERS]
    assert len(wide) <= WIDE_FUNCTIONS, wide


def test_a_class_name_has_at_most_two_meanings(modules: Modules):
    repeated = {
        name for name, count in classes(modules).items() if count >= MANY_CLASSES and not name.endswith("Input")
    }
    assert repeated - SEVERAL_MEANINGS == set()


def test_no_module_hides_a_builtin_collection_function(modules: Modules):
    hiding = [
        f"{path}:{node.lineno} {node.name}"
        for path, module in modules.items()
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name in HIDING
    ]
    assert hiding == []


def test_the_docstring_of_a_public_function_begins_with_a_verb(modules: Modules):
    nouns = [
        f"{path}:{function.lineno} {function.name}"
        for path, module in modules.items()
        for function in public_functions(module)
        if begins_with_noun(function)
    ]
    assert nouns == []


@pytest.mark.parametrize(
    ("source", "noun"),
    [
        ('def port():\n "The port."', True),
        ('async def is_up():\n "Whether it is up."', True),
        ('def revision():\n "`#7` of `bamboo-orders:7`."', True),
        ('def port():\n "Bytes of the body."', True),
        ('def port():\n "Returns the port."', True),
        ('def port():\n "MiB: `256`."', True),
        ('def port():\n "culm.yml\'s port."', True),
        ('def port():\n "Return the port."', False),
        ('def port():\n "Pass, or ask again."', False),
        ('@functools.cached_property\ndef port(self):\n "The port."', False),
        ('@click.group(cls=Group)\ndef cluster():\n "The local cluster."', False),
        ("def port(): ...", False),
    ],
)
def test_docstrings_that_begin_with_nouns_are_noticed(source: str, noun: bool):
    [function] = public_functions(ast.parse(source))
    assert begins_with_noun(function) is noun
