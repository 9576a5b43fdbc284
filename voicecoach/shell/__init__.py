"""The edge: files, models, threads, screens.  Everything here may block; nothing here decides."""
