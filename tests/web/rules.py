"""Every rule that our code can raise or find, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from itertools import product
from pathlib import Path

from voltrail import errors
from voltrail.lifecycle.judge import _ANSWERS
from voltrail.regimes import RULES

# What is put behind these: the rules of the law that count, and who answers for a battery.
ENDS = {
    "duty.": {rule.id for rule in RULES.all if rule.enforced and rule.about == "deadline"},
    "breach.": {rule.id for rule in RULES.all if rule.about != "deadline" and rule.kinds and rule.value},
    "lifecycle.not_": set(_ANSWERS.values()),
}
DOTTED = re.compile(r"[a-z_]+(\.\w+)+")
SCRIPTED = re.compile(r'"((?:evidence|browser)\.\w+)"')


def every_rule() -> dict[str, str]:
    """Return every rule, each with a place where it is said."""
    found = {
        rule: f"{path.name}:{call.lineno}"
        for path in Path(str(files("voltrail"))).rglob("*.py")
        for module in [Module(path)]
        for said, call in module.said()
        for rule in module.rules(said, call)
    }
    return found | dict(_said_in_scripts())


def _said_in_scripts() -> Iterator[tuple[str, str]]:
    for path in Path(str(files("voltrail.web"))).glob("static/*.js"):
        yield from ((rule, path.name) for rule in SCRIPTED.findall(path.read_text()))


def _makers() -> dict[str, int]:
    """Return what says a rule, errors, refusals and findings, each with the place of the rule in its call."""
    import_module("voltrail.cli")  # and with it whatever makes errors of its own
    kinds, todo = {"Refusal": 0, "Finding": 1, "find": 1, "fault": 1}, [errors.VoltrailError]
    while todo:
        kind = todo.pop()
        kinds[kind.__name__] = 0
        todo += kind.__subclasses__()
    return kinds


MAKERS = _makers()


class Module:
    """One file of ours. What it cannot read raises ValueError: then this file has to learn it."""

    def __init__(self, path: Path) -> None:
        self.path, self.tree = path, ast.parse(path.read_text())
        self.imported = {
            one.asname or one.name
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom)
            for one in node.names
        }
        self.inside = {
            id(node): function
            for function in ast.walk(self.tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(function)
        }

    def said(self) -> Iterator[tuple[ast.expr, ast.Call]]:
        """Yield the rule of each error, refusal or finding that is made here, and its call."""
        for call in self._calls(set(MAKERS)):
            place = MAKERS[_name(call.func)]
            if len(call.args) > place + 1 or any(isinstance(one, ast.Starred) for one in call.args):
                yield call.args[min(place, len(call.args) - 1)], call

    def _calls(self, names: set[str]) -> Iterator[ast.Call]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and _name(node.func) in names:
                yield node

    def rules(self, said: ast.expr, at: ast.AST) -> set[str]:
        """Return what an expression for a rule can be."""
        match said:
            case ast.Constant(value=str(rule)):
                return {rule}
            case ast.JoinedStr(values=[ast.Constant(value=str(kind)), ast.FormattedValue()]) if kind in ENDS:
                return {kind + name for name in ENDS[kind]}
            case ast.JoinedStr(values=parts):
                return {"".join(one) for one in product(*(self.rules(part, at) for part in parts))}
            case ast.FormattedValue(value=inner):
                return self.rules(inner, at)
            case ast.Attribute(attr="rule"):
                return set()  # passed on: it was read where it was first said
            case ast.Call(func=ast.Attribute(attr="get")):
                return self.rules(said.args[1], at)
            case ast.Name(id=name) if name in self.imported or (found := self._named(name, at)):
                return set() if name in self.imported else found
            case ast.Starred(value=ast.Subscript(value=ast.Name(id=name))):
                return self._firsts(self._assigned(name))
        raise ValueError(f"{self.path}:{said.lineno}: {ast.unparse(said)}")

    def _named(self, name: str, at: ast.AST) -> set[str]:
        """Return what a name can stand for: handed in, taken from a table or an answer, or a constant."""
        function = self.inside.get(id(at))
        parameters = [one.arg for one in function.args.args] if function else []
        if function and name in parameters:
            place = parameters.index(name) - (parameters[0] in {"self", "cls"})
            calls = [call for call in self._calls({function.name}) if len(call.args) > place]
            return set().union(*(self.rules(call.args[place], call) for call in calls))
        return self._firsts(self._assigned(name))

    def _assigned(self, name: str) -> ast.AST:
        for node in ast.walk(self.tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(one, ast.Name) and one.id == name for one in targets):
                return node
        return self.tree

    def _firsts(self, node: ast.AST) -> set[str]:
        """Return the rule constants under a node, or the rules that begin its tuples."""
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant):
            return self.rules(value, value)
        tuples = [one for one in ast.walk(node) if isinstance(one, ast.Tuple) and one.elts]
        firsts = [one.elts[0] for one in tuples if len(one.elts) >= 3 and not isinstance(one.ctx, ast.Store)]
        said = [one for one in firsts if isinstance(one, ast.Constant | ast.JoinedStr)]
        return {rule for one in said for rule in self.rules(one, one) if DOTTED.fullmatch(rule)}


def _name(function: ast.expr) -> str:
    if isinstance(getattr(function, "value", None), ast.Name) and function.value.id == "click":
        return ""  # its errors have no rules
    return getattr(function, "id", getattr(function, "attr", ""))
