"""Signal processing: pure functions and preallocated state, no clock, no file, no device."""
