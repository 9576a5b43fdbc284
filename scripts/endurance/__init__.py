"""Long runs and hostile surroundings: soak, overload, kills, power cuts, fuzzing."""
