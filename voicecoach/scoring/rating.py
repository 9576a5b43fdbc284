"""A score is its formula: what is printed is what is computed.

A formula is arithmetic over names, `1 - interruptions / customer_turns`.  With a call's numbers in
their places it is worked out from the text itself, so that the two cannot differ.
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
    """Return a score and how it comes about.

    Parameters
    ----------
    formula
        Of `+ - * /`, `min`, `max`, numbers and names.
    numbers
        One for each name.

    Returns
    -------
    score
        To two decimals, 0..1 where the formula is.
    text
        As in "taken up / accounts = 3 / 4 = 0.75".
    """
    filled = _NAME.sub(lambda name: str(numbers.get(name[0], name[0])), formula)
    score = round(evaluate(filled), SCORE_DECIMALS)
    return score, f"{readable_formula(formula)} = {filled} = {score:.{SCORE_DECIMALS}f}"


def evaluate(text: str) -> float:
    """Return what arithmetic in numbers comes to.

    Raises
    ------
    ValueError
        Where it is anything else.
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
