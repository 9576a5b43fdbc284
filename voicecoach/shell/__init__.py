"""The shell: files, models, threads and screens.  It may block; decisions are made in the core."""
