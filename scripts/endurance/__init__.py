"""Tests by long runs and hostile conditions: soak, overload, kills, power cuts and fuzzing."""
