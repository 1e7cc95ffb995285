"""From tokens to the syntax tree: precedence climbing with a depth budget.

Grammar and precedence: http://hl7.org/fhirpath/N1/grammar.html
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from fhirkit.fhirpath.errors import ExpressionSyntaxError
from fhirkit.fhirpath.lexer import Token, tokens
from fhirkit.fhirpath.syntax import (
    Binary,
    Call,
    Constant,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    QuantityLiteral,
    TemporalLiteral,
    TypeTest,
    Unary,
    Variable,
)

#: How deep a tree may be. Evaluation takes about two Python frames a level.
MAX_DEPTH = 200
#: How many brackets, arguments and operators may be nested while reading.
MAX_NESTING = 100

# Higher binds tighter; `is` and `as` are handled beside them, with _TYPE.
_BINDING = {
    "implies": 1,
    "or": 2,
    "xor": 2,
    "and": 3,
    "in": 4,
    "contains": 4,
    "=": 5,
    "~": 5,
    "!=": 5,
    "!~": 5,
    "<=": 6,
    "<": 6,
    ">": 6,
    ">=": 6,
    "|": 7,
    "is": 8,
    "as": 8,
    "+": 9,
    "-": 9,
    "&": 9,
    "*": 10,
    "/": 10,
    "div": 10,
    "mod": 10,
}
_SIGN = 11
# Grouping does not change their value, so a chain of them may be grouped anew.
_ASSOCIATIVE = frozenset({"and", "or", "|"})
_WORDS = frozenset(word for word in _BINDING if word.isalpha())
_NAMES_TOO = frozenset({"as", "contains", "in", "is"})
_UNITS = frozenset(
    unit + plural
    for unit in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for plural in ("", "s")
)


def parse(text: str) -> Node:
    """The tree of an expression. ``ExpressionSyntaxError`` when it is none, or too deep."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression(0)
        rest = self._token
        if rest.kind != "end":
            raise ExpressionSyntaxError(f"unexpected {rest.text!r}", rest.at)
        _check_depth(node)
        return node

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _is_symbol(self, text: str) -> bool:
        token = self._token
        return token.kind == "symbol" and token.text == text

    def _expect(self, text: str) -> None:
        if not self._is_symbol(text):
            found = self._token.text or "the end"
            raise ExpressionSyntaxError(f"expected {text!r}, found {found!r}", self._token.at)
        self._next += 1

    def _expression(self, least: int) -> Node:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise ExpressionSyntaxError("the expression is nested too deeply", self._token.at)
        left = self._operand()
        while True:
            token = self._token
            operator = token.text if token.kind in ("symbol", "name") else ""
            strength = _BINDING.get(operator, 0)
            if strength <= least:
                break
            self._next += 1
            if operator in ("is", "as"):
                left = TypeTest(operator, left, self._type_name(), token.at)
            elif operator in _ASSOCIATIVE:
                left = self._chain(operator, left)
            else:
                left = Binary(operator, left, self._expression(strength), token.at)
        self._depth -= 1
        return left

    def _chain(self, operator: str, first: Node) -> Node:
        """All operands of ``a or b or c …`` as a balanced tree: a long list stays shallow."""
        strength = _BINDING[operator]
        operands = [first, self._expression(strength)]
        while self._token.text == operator and self._token.kind in ("symbol", "name"):
            self._next += 1
            operands.append(self._expression(strength))
        while len(operands) > 1:
            pairs = zip(operands[::2], operands[1::2], strict=False)
            merged: list[Node] = [Binary(operator, a, b, b.at) for a, b in pairs]
            operands = merged + operands[len(merged) * 2 :]
        return operands[0]

    def _operand(self) -> Node:
        token = self._token
        if token.kind == "symbol" and token.text in "+-":
            self._next += 1
            return Unary(token.text, self._expression(_SIGN - 1), token.at)
        return self._postfix(self._term())

    def _postfix(self, node: Node) -> Node:
        while self._token.kind == "symbol":
            at = self._token.at
            if self._is_symbol("."):
                self._next += 1
                node = self._invocation(node)
            elif self._is_symbol("["):
                self._next += 1
                node = Index(node, self._expression(0), at)
                self._expect("]")
            else:
                break
        return node

    def _invocation(self, source: Node | None) -> Node:
        token = self._advance()
        if token.kind == "variable" and source is not None:
            return _variable(token)
        word = token.kind == "name" and (token.text not in _WORDS or token.text in _NAMES_TOO)
        # Behind a dot even `and`, `or`, `div` can only be an element's name: Narrative has a div.
        if (
            token.kind != "quoted"
            and not word
            and not (token.kind == "name" and source is not None)
        ):
            raise ExpressionSyntaxError(f"expected a name, found {token.text!r}", token.at)
        if token.kind == "name" and self._is_symbol("("):
            self._next += 1
            return Call(source, token.text, self._arguments(), token.at)
        return Member(source, token.text, token.at)

    def _arguments(self) -> tuple[Node, ...]:
        arguments: list[Node] = []
        if not self._is_symbol(")"):
            arguments.append(self._expression(0))
            while self._is_symbol(","):
                self._next += 1
                arguments.append(self._expression(0))
        self._expect(")")
        return tuple(arguments)

    def _term(self) -> Node:
        token = self._token
        reader = _LITERALS.get(token.kind)
        if reader is not None:
            self._next += 1
            return reader(token)
        if token.kind == "number":
            return self._number()
        if token.kind == "symbol":
            return self._bracketed()
        if token.kind == "name" and token.text in ("true", "false"):
            self._next += 1
            return Literal(token.text == "true", token.at)
        if token.kind == "end":
            raise ExpressionSyntaxError("the expression ends where a value is needed", token.at)
        return self._invocation(None)

    def _bracketed(self) -> Node:
        token = self._advance()
        if token.text == "(":
            node = self._expression(0)
            self._expect(")")
            return node
        if token.text == "{":
            self._expect("}")
            return Empty(token.at)
        if token.text == "%":
            name = self._advance()
            if name.kind not in ("name", "quoted", "string"):
                raise ExpressionSyntaxError("expected a name behind %", name.at)
            return Constant(name.text, token.at)
        raise ExpressionSyntaxError(f"unexpected {token.text!r}", token.at)

    def _number(self) -> Node:
        token = self._advance()
        following = self._token
        if following.kind == "string":
            self._next += 1
            return QuantityLiteral(Decimal(token.text), following.text, at=token.at)
        if following.kind == "name" and following.text in _UNITS:
            self._next += 1
            return QuantityLiteral(Decimal(token.text), following.text, calendar=True, at=token.at)
        if "." in token.text:
            return Literal(Decimal(token.text), token.at)
        if len(token.text) > 10 and int(token.text[:20]) > 2**63:
            raise ExpressionSyntaxError("this integer is too large", token.at)
        return Literal(int(token.text), token.at)

    def _type_name(self) -> str:
        parts = [self._type_part()]
        if self._is_symbol("."):
            self._next += 1
            parts.append(self._type_part())
        return ".".join(parts)

    def _type_part(self) -> str:
        token = self._advance()
        if token.kind not in ("name", "quoted"):
            raise ExpressionSyntaxError(f"expected a type, found {token.text!r}", token.at)
        return token.text


def _variable(token: Token) -> Node:
    name = token.text[1:]
    if name not in ("this", "index", "total"):
        raise ExpressionSyntaxError(f"unknown variable {token.text}", token.at)
    return Variable(name, token.at)


_LITERALS: dict[str, Callable[[Token], Node]] = {
    "string": lambda token: Literal(token.text, token.at),
    "date": lambda token: TemporalLiteral(token.text[1:], token.at),
    "time": lambda token: TemporalLiteral(token.text[1:], token.at),
    "variable": _variable,
}


def _check_depth(root: Node) -> None:
    """Long chains (``a.b.c…``, ``x or y or …``) are deep trees though nothing is nested."""
    pending = [(root, 1)]
    while pending:
        node, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ExpressionSyntaxError("the expression is too long to be evaluated", node.at)
        pending.extend((part, depth + 1) for part in parts(node))


def parts(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node, in the order of the text."""
    match node:
        case Member(source=source):
            return () if source is None else (source,)
        case Call(source=source, arguments=arguments):
            return arguments if source is None else (source, *arguments)
        case Index(source=source, index=index):
            return (source, index)
        case Unary(operand=operand) | TypeTest(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case _:
            return ()
