"""The quick compiler: an invariant as one Python expression over plain dicts.

``quick(tree, …)`` gives a function that is true exactly when the expression is true. What it does
not cover inside an expression is left to a closure of the complete compiler; what it does not
cover at all gives None. When the function does not say true, the complete compiler decides between
false, empty and an error, so that messages and verdicts have one source.

Each node is emitted twice, as "is true" and as "is false": three-valued logic then needs no None.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhirkit.core.regex import UnsupportedPattern, searcher
from fhirkit.fhirpath.environment import Environment
from fhirkit.fhirpath.model import ElementInfo, ModelInfo
from fhirkit.fhirpath.quick_nodes import (
    LOGIC,
    ORDER,
    is_boolean,
    is_child_count,
    is_id_count,
    mentions,
    moment_order,
    more_than_id,
    strings,
    text_of_node,
)
from fhirkit.fhirpath.quick_paths import (
    Filter,
    Names,
    NotQuickError,
    Path,
    Place,
    is_primitive,
    key_of,
    leaf_exists,
    path_of,
    single_value,
    type_at_end,
)
from fhirkit.fhirpath.syntax import (
    Binary,
    Call,
    Literal,
    Member,
    Node,
)

#: (focus, environment) → true when the invariant holds for certain.
Quick = Callable[[Any, Environment], bool]
#: Makes the complete evaluation of a part: (focus value, environment, root) → True, False or None.
Slow = Callable[[Node, str], Callable[[Any, Environment, Any], bool | None]]

_TOO_LONG = 20_000
_VACUOUS = frozenset({"empty", "all", "isDistinct", "allTrue", "allFalse"})
_METHODS = {"startsWith": "startswith", "endsWith": "endswith", "contains": "__contains__"}


def quick(tree: Node, model: ModelInfo, type_name: str, slow: Slow) -> Quick | None:
    """The function for an expression on a focus of this type, or None when nothing is gained."""
    info = model.type(type_name)
    if info is None or info.is_primitive:
        return None
    emitter = _Emitter(model, type_name, slow)
    try:
        code = emitter.is_true(tree, Place("d", type_name))
    except NotQuickError:
        return None
    if emitter.only_slow or len(code) > _TOO_LONG:
        return None
    names = emitter.names
    lines = ["def quick(d, env):"]
    if names.uses_resource:
        head = type_name.partition(".")[0]
        lines += ["    r = env.resource", f"    if r['resourceType'] != {head!r}: return False"]
    lines.append(f"    return True if {code} else False")
    namespace: dict[str, Any] = dict(names.constants)
    # The source is made of property names from definitions and of literals, each through repr().
    exec(compile("\n".join(lines), "<fhirpath>", "exec"), namespace)  # noqa: S102
    function: Quick = namespace["quick"]
    return function


class _Emitter:
    def __init__(self, model: ModelInfo, type_name: str, slow: Slow) -> None:
        self.names = Names()
        self.only_slow = True
        self._model = model
        self._slow = slow
        head = type_name.partition(".")[0]
        info = model.type(head)
        self._resource = Place("r", head) if info and info.kind == "resource" else None

    def is_true(self, node: Node, here: Place) -> str:
        """Source that is true exactly when the node is."""
        return self._either(node, here, wanted=True)

    def is_false(self, node: Node, here: Place) -> str:
        """Source that is true exactly when the node is false (not empty)."""
        return self._either(node, here, wanted=False)

    def _either(self, node: Node, here: Place, *, wanted: bool) -> str:
        if isinstance(node, Binary) and node.operator in LOGIC:
            return self._logic(node, here, wanted=wanted)
        try:
            code = self._plain(node, here, wanted=wanted)
        except NotQuickError:
            return self._by_closure(node, here, wanted=wanted)
        self.only_slow = False
        return code

    def _by_closure(self, node: Node, here: Place, *, wanted: bool) -> str:
        if mentions(node, "index", "total") or not here.code.isidentifier():
            raise NotQuickError
        name = self.names.constant(self._slow(node, here.type_name))
        code = f"{name}({here.code}, env, d) is {wanted}"
        if wanted and isinstance(node, Call) and node.name in _VACUOUS:
            guard = self._nothing_there(node, here)
            if guard is not None:
                self.only_slow = False
                return f"({guard} or {code})"
        return code

    def _nothing_there(self, node: Call, here: Place) -> str | None:
        """Source that tells that the path a call starts from finds nothing, if it has one."""
        current: Node | None = node.source
        while current is not None:
            try:
                path = self._path(current, here)
            except NotQuickError:
                current = getattr(current, "source", None)
                continue
            steps = tuple(step for step in path.steps if isinstance(step, ElementInfo))
            if len(steps) != len(path.steps) or not steps:
                return None
            return f"not {self._exists(path.start.code, path, 0)}"
        return None

    def _path(self, node: Node | None, here: Place) -> Path:
        path = path_of(node, here, self._resource, self._model)
        if path.start.code == "r":
            self.names.uses_resource = True
        return path

    def _logic(self, node: Binary, here: Place, *, wanted: bool) -> str:
        left, right, operator = node.left, node.right, node.operator
        if operator == "xor":
            first = (self.is_true(left, here), self.is_false(left, here))
            second = (self.is_true(right, here), self.is_false(right, here))
            if wanted:
                second = (second[1], second[0])
            return f"(({first[0]} and {second[0]}) or ({first[1]} and {second[1]}))"
        if operator == "implies":
            sides = (self.is_false(left, here), self.is_true(right, here))
            if not wanted:
                sides = (self.is_true(left, here), self.is_false(right, here))
            return f"({sides[0]} {'or' if wanted else 'and'} {sides[1]})"
        word = operator if wanted else {"and": "or", "or": "and"}[operator]
        one, other = (self._either(side, here, wanted=wanted) for side in (left, right))
        return f"({one} {word} {other})"

    def _plain(self, node: Node, here: Place, *, wanted: bool) -> str:
        if isinstance(node, Literal) and isinstance(node.value, bool):
            return str(node.value is wanted)
        if isinstance(node, Call):
            return self._call(node, here, wanted=wanted)
        if isinstance(node, Binary):
            return self._binary(node, here, wanted=wanted)
        if isinstance(node, Member):
            path = self._path(node, here)
            if type_at_end(path, self._model).system == "Boolean":
                holder, key = single_value(path)
                return f"{holder}.get({key!r}) is {wanted}"
        raise NotQuickError

    def _call(self, node: Call, here: Place, *, wanted: bool) -> str:
        name = node.name
        if name in ("exists", "empty", "all"):
            code = self._existence(node, here)
            return code if wanted else f"not {code}"
        if name == "not" and node.source is not None:
            return self._either(node.source, here, wanted=not wanted)
        if name == "hasValue":
            path = self._path(node.source, here)
            if not path.steps:
                return str(not wanted)
            if not type_at_end(path, self._model).is_primitive:
                raise NotQuickError
            holder, key = single_value(path)
            return f"{holder}.get({key!r}) is {'not ' if wanted else ''}None"
        if name in _METHODS or name == "matches":
            return self._text_test(node, here, wanted=wanted)
        raise NotQuickError

    def _existence(self, node: Call, here: Place) -> str:
        path = self._path(node.source, here)
        if node.arguments:
            if len(node.arguments) > 1:
                raise NotQuickError
            behind = path.types[-1] if path.types else path.start.type_name
            steps = (*path.steps, Filter(node.arguments[0]))
            path = Path(path.start, steps, (*path.types, behind))
        if not path.steps:
            raise NotQuickError
        if node.name == "all":
            return f"(not {self._exists(path.start.code, path, 0, negated=True)})"
        code = self._exists(path.start.code, path, 0)
        return f"({code})" if node.name == "exists" else f"(not {code})"

    def _exists(self, code: str, path: Path, at: int, *, negated: bool = False) -> str:
        """Whether the steps from ``at`` on find something below the dict ``code``.

        ``negated`` turns the last filter round: whether an item does not meet it.
        """
        step, last = path.steps[at], at == len(path.steps) - 1
        if isinstance(step, Filter):
            # A primitive alone would have lost its extensions.
            if not code.isidentifier() or is_primitive(self._model, path.types[at]):
                raise NotQuickError
            condition = self.is_true(step.condition, Place(code, path.types[at]))
            if last:
                return f"(not {condition})" if negated else condition
            return f"({condition} and {self._exists(code, path, at + 1, negated=negated)})"
        if last:
            return leaf_exists(code, step, self._model, self.names)
        if is_primitive(self._model, path.types[at]):
            raise NotQuickError
        key = key_of(step)
        if step.array:
            item = self.names.fresh()
            inner = self._exists(item, path, at + 1, negated=negated)
            return f"any({inner} for {item} in {code}.get({key!r}, ()))"
        if isinstance(path.steps[at + 1], Filter):
            item = self.names.fresh()
            inner = self._exists(item, path, at + 1, negated=negated)
            return f"(({item} := {code}.get({key!r})) is not None and {inner})"
        return self._exists(f"{code}.get({key!r}, E)", path, at + 1, negated=negated)

    def _binary(self, node: Binary, here: Place, *, wanted: bool) -> str:
        operator = node.operator
        if operator in ("=", "!="):
            return self._equality(node, here, equal=wanted == (operator == "="))
        if operator == "in":
            options = strings(node.right)
            value, present = self._string(node.left, here)
            chosen = self.names.constant(options)
            return f"({value} in {chosen})" if wanted else f"({present} not in {chosen})"
        if operator in ORDER:
            return self._order(node, here, wanted=wanted)
        raise NotQuickError

    def _equality(self, node: Binary, here: Place, *, equal: bool) -> str:
        left, right = node.left, node.right
        for one, other in ((left, right), (right, left)):
            if isinstance(other, Literal) and isinstance(other.value, bool):
                return self._either(one, here, wanted=other.value is equal)
            text = text_of_node(other)
            if text is not None:
                value, present = self._string(one, here)
                return f"({value} == {text!r})" if equal else f"({present} != {text!r})"
        if is_boolean(left) and is_boolean(right):
            word = "=" if equal else "xor"
            first = (self.is_true(left, here), self.is_false(left, here))
            second = (self.is_true(right, here), self.is_false(right, here))
            if word == "xor":
                second = (second[1], second[0])
            return f"(({first[0]} and {second[0]}) or ({first[1]} and {second[1]}))"
        comparison = "==" if equal else "!="
        return f"({self._number(left, here)} {comparison} {self._number(right, here)})"

    def _order(self, node: Binary, here: Place, *, wanted: bool) -> str:
        if (
            wanted
            and node.operator == ">"
            and is_child_count(node.left)
            and is_id_count(node.right)
        ):
            return f"{self.names.constant(more_than_id)}({here.code})"
        moments = self._moments(node, here)
        if moments is not None:
            return f"({moments} is {wanted})"
        left, right = self._number(node.left, here), self._number(node.right, here)
        code = f"({left} {node.operator} {right})"
        return code if wanted else f"(not {code})"

    def _moments(self, node: Binary, here: Place) -> str | None:
        """Source of the comparison of two dates or dateTimes of the data (True, False, None)."""
        values: list[str] = []
        for side in (node.left, node.right):
            if not isinstance(side, Member):
                return None
            path = self._path(side, here)
            if type_at_end(path, self._model).system not in ("Date", "DateTime"):
                return None
            holder, key = single_value(path)
            values.append(f"{holder}.get({key!r})")
        compared = self.names.constant(moment_order(node.operator))
        return f"{compared}({values[0]}, {values[1]})"

    def _number(self, node: Node, here: Place) -> str:
        """Source of a number that is always there: a literal, a count, a sum of those."""
        if isinstance(node, Literal) and isinstance(node.value, int | Decimal):
            if isinstance(node.value, bool):
                raise NotQuickError
            return (
                repr(node.value) if isinstance(node.value, int) else self.names.constant(node.value)
            )
        if isinstance(node, Binary) and node.operator == "+":
            return f"({self._number(node.left, here)} + {self._number(node.right, here)})"
        if isinstance(node, Call) and node.name == "count" and not node.arguments:
            path = self._path(node.source, here)
            if len(path.steps) == 1 and isinstance(path.steps[0], ElementInfo):
                step = path.steps[0]
                if not step.array:
                    found = leaf_exists(path.start.code, step, self._model, self.names)
                    return f"(1 if {found} else 0)"
                if not is_primitive(self._model, path.types[0]):
                    return f"len({path.start.code}.get({key_of(step)!r}, ()))"
        raise NotQuickError

    def _text_test(self, node: Call, here: Place, *, wanted: bool) -> str:
        argument = text_of_node(node.arguments[0]) if len(node.arguments) == 1 else None
        if argument is None or node.source is None:
            raise NotQuickError
        path = self._path(node.source, here)
        if type_at_end(path, self._model).system != "String":
            raise NotQuickError
        holder, key = single_value(path)
        name = self.names.fresh()
        if node.name == "matches":
            try:
                test = f"{self.names.constant(searcher(argument))}({name})"
            except UnsupportedPattern:
                raise NotQuickError from None
        else:
            test = f"{name}.{_METHODS[node.name]}({argument!r})"
        negation = "" if wanted else "not "
        return f"(({name} := {holder}.get({key!r})) is not None and {negation}{test})"

    def _string(self, node: Node, here: Place) -> tuple[str, str]:
        """Source of a text or None; and source usable with ``!=`` for "is there, but other"."""
        path = self._path(node, here)
        if type_at_end(path, self._model).system != "String":
            raise NotQuickError
        holder, key = single_value(path)
        if holder.isidentifier():
            parent, bound = holder, holder
        else:
            bound = self.names.fresh()
            parent = f"({bound} := {holder})"
        name = self.names.fresh()
        # An element with extensions alone is there, and equals no text.
        present = f"({name} := {parent}.get({key!r})) is not None or {'_' + key!r} in {bound}"
        return f"{holder}.get({key!r})", f"({present}) and {name}"
