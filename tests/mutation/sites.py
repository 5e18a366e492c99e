"""Mutation sites of a source file: where one small change should alter what the program does, and how it is made.

A site is a place in the text and what stands there instead. Left out, as no behaviour hangs on them or nothing can be
learned: docstrings and other strings, annotations, decorators, assertions (they are for the type checker), `strict=` of
zip (one too, of lengths), imports.
"""

from __future__ import annotations

import ast
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

FLIPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SWAPS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
# without an argument these fail at once, or only a text for people is shorter
BARE_CALLS = ("isinstance", "hasattr", "getattr", "setattr", "RtemoError", "StreamMissing", "_LOG.")
EMPTY = {
    "list[": "[]",
    "Sequence[": "()",
    "dict[": "{}",
    "Mapping[": "{}",
    "set[": "set()",
    "frozenset[": "frozenset()",
    "str": '""',
    "int": "0",
    "float": "0.0",
}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Site:
    """One mutation. begin, end: into the file's text, in bytes. scope: the function, as its code calls itself."""

    file: str
    scope: str
    kind: str
    line: int
    begin: int
    end: int
    before: str
    after: str
    nth: int = 0  # of those in its scope that read alike, counted from 1; 0 where it is the only one

    @property
    def mutation(self) -> str:
        """What is changed, without needless white space, and which one where several read alike."""
        number = f" #{self.nth}" if self.nth else ""
        return " ".join(f"{self.before} -> {self.after}".split()) + number

    @property
    def runs_at_import(self) -> bool:
        """Whether it is a constant or a field of a class, which every test that imports the module runs."""
        return self.scope == "<module>" or self.scope.split(".")[-1].lstrip("_")[:1].isupper()

    @property
    def key(self) -> str:
        """What identifies it while the text around it stays as it is, wherever that lies in the file."""
        number = f" #{self.nth}" if self.nth else ""
        return f"{self.file}::{self.scope}::{self.kind}::{self.before} -> {self.after}{number}"

    def apply(self, text: bytes) -> bytes:
        """The file's text with this change made."""
        return text[: self.begin] + self.after.encode() + text[self.end :]


def sites_of(root: Path, file: str) -> list[Site]:
    """All sites of a file of the tree, in order."""
    text = (root / file).read_bytes()
    order = sorted(_Finder(file, text).found(ast.parse(text)), key=lambda site: (site.begin, site.end, site.kind))
    how_many, seen = Counter(site.key for site in order), Counter[str]()
    numbered = []
    for site in order:
        seen[site.key] += 1
        numbered.append(replace(site, nth=seen[site.key]) if how_many[site.key] > 1 else site)
    return numbered


def sample(sites: dict[str, list[Site]], n: int, seed: int, least: int = 2) -> list[Site]:
    """n sites drawn at random, at least `least` of every file where n allows."""
    rng = random.Random(seed)
    order = {file: rng.sample(found, len(found)) for file, found in sorted(sites.items())}
    chosen = [site for found in order.values() for site in found[:least]]
    rest = [site for found in order.values() for site in found[least:]]
    chosen += rng.sample(rest, min(len(rest), max(n - len(chosen), 0)))
    rng.shuffle(chosen)  # so that a run that is cut short is a sample too
    return chosen[:n]


class _Finder:
    def __init__(self, file: str, text: bytes) -> None:
        self._file, self._text = file, text
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._starts = starts

    def found(self, module: ast.Module) -> Iterator[Site]:
        yield from self._in(module, "<module>")

    def _in(self, node: ast.AST, scope: str) -> Iterator[Site]:
        for child in _children(node):
            inner = scope
            if isinstance(child, SCOPES):
                inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                prefix = "" if scope == "<module>" else f"{scope}.<locals>." if inside else f"{scope}."
                inner = prefix + child.name
            yield from self._at(child, node, inner)
            yield from self._in(child, inner)

    def _at(self, node: ast.AST, parent: ast.AST, scope: str) -> Iterator[Site]:
        for kind, target, after in _changes(node, parent):
            begin, end = self._span(target)
            before = self._text[begin:end].decode()
            yield Site(self._file, scope, kind, target.lineno, begin, end, before, after)

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What of a node can hold sites."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_left_out(child):
                yield child


def _is_left_out(node: ast.AST) -> bool:
    if isinstance(node, (ast.Assert, ast.Import, ast.ImportFrom, ast.JoinedStr)):
        return True
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Assign):  # names of types, lists of names
        value = ast.unparse(node.value)
        return value.startswith(("Literal[", "NDArray[", "TypeVar(", "Callable[", "Mapping[")) or any(
            isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
        )
    return False


def _changes(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    """Kind, what is replaced, and by which text."""
    match node:
        case ast.Compare(ops=[op], left=left, comparators=[right]) if type(op) in FLIPS:
            yield "comparison", node, _text(ast.Compare(left, [FLIPS[type(op)]()], [right]))
        case ast.BoolOp(op=op, values=values):
            yield "and/or", node, _text(ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values))
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "negation dropped", node, _text(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in SWAPS and not _is_string(left, right):
            yield "operator", node, _text(ast.BinOp(left, SWAPS[type(op)](), right))
        case ast.Constant(value=bool(value)):
            yield "constant", node, str(not value)
        case ast.Constant(value=int(value)):
            yield "constant", node, str(value + 1)
        case ast.Constant(value=float(value)):
            yield "constant", node, repr(1.5 * value if value else 1.0)
        case ast.Call():
            yield from _calls(node)
        case ast.Expr():
            yield "statement deleted", node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) if not _is_first(node, parent):
            yield "statement deleted", node, "pass"
        case ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Continue() | ast.Break():
            yield "statement deleted", node, "pass"
        case ast.FunctionDef(returns=ast.expr() as returns):
            yield from _returns(node, ast.unparse(returns))
    if isinstance(node, (ast.If, ast.While, ast.IfExp)) and not isinstance(node.test, ast.UnaryOp):
        yield "condition negated", node.test, f"(not ({ast.unparse(node.test)}))"


def _calls(call: ast.Call) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    """One argument fewer: the last keyword, or else the last of several."""
    if ast.unparse(call.func).startswith(BARE_CALLS):
        return
    if call.keywords and call.keywords[-1].arg == "strict":
        return
    if call.keywords:
        yield "argument dropped", call, _text(ast.Call(call.func, call.args, call.keywords[:-1]))
    elif len(call.args) > 1 and not any(isinstance(arg, ast.Starred) for arg in call.args):
        yield "argument dropped", call, _text(ast.Call(call.func, call.args[:-1], []))


def _returns(function: ast.FunctionDef, declared: str) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    """Each value that a function of this type gives, emptied."""
    empty = next((empty for start, empty in EMPTY.items() if declared.startswith(start)), "None")
    nothing = ast.unparse(ast.parse(empty))
    for node in _own(function):
        if isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != nothing:
            value = f"not ({ast.unparse(node.value)})" if declared == "bool" else empty
            yield "return emptied", node, f"return {value}"


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, SCOPES):
            yield child
            yield from _own(child)


def _is_first(node: ast.Assign, parent: ast.AST) -> bool:
    """An attribute that __init__ sets is missed by whoever reads it: nothing would be learned."""
    return isinstance(parent, ast.FunctionDef) and parent.name == "__init__"


def _is_string(*nodes: ast.expr) -> bool:
    return any(isinstance(node, ast.JoinedStr | ast.List | ast.Tuple) for node in nodes) or any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) for node in nodes
    )


def _text(node: ast.expr) -> str:
    """Source text, in brackets so that it can stand anywhere. On one line."""
    return f"({ast.unparse(ast.fix_missing_locations(node))})"
