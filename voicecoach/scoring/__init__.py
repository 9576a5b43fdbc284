"""How a call's score card comes about: events -> `call` -> techniques, styles, journey -> card."""
