"""Evaluates the formula of a score from the text that is printed beside it.

A formula is arithmetic over names, such as `1 - interruptions / customer_turns`.  The call's
numbers replace the names and the resulting text is evaluated, so that the printed formula and the
score cannot differ.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

_NAME = re.compile(r"[a-z_]+")
_FUNCTIONS: Mapping[str, Callable[..., float]] = {"min": min, "max": max}
_OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
SCORE_DECIMALS = 2
"""Decimals of a score."""


def readable_formula(formula: str) -> str:
    """Return a formula as people read it."""
    return formula.replace("_", " ")


def rate_formula(formula: str, numbers: Mapping[str, int]) -> tuple[float, str]:
    """Return a score and the text that shows how it was computed.

    Parameters
    ----------
    formula
        An expression of `+ - * /`, `min`, `max`, numbers and names.
    numbers
        The value of each name.

    Returns
    -------
    score
        Rounded to two decimals; 0..1 if the formula's range is.
    text
        Such as "responded / accounts = 3 / 4 = 0.75".
    """
    filled = _NAME.sub(lambda name: str(numbers.get(name[0], name[0])), formula)
    score = round(evaluate(filled), SCORE_DECIMALS)
    return score, f"{readable_formula(formula)} = {filled} = {score:.{SCORE_DECIMALS}f}"


def evaluate(text: str) -> float:
    """Return the value of an arithmetic expression of numbers.

    Raises
    ------
    ValueError
        If the expression has anything but numbers, `+ - * /`, `min` and `max`.
    """
    return _value(ast.parse(text, mode="eval").body)


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=args) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*map(_value, args))
    raise ValueError(f"not arithmetic: {ast.unparse(node)}")
