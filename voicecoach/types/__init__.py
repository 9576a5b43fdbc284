"""The values that cross a stage: the stream and its speakers, the inputs, the events."""
