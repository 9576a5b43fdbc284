"""Replays an archive, a folder of recordings, through the engine on many cores.

    plan     which calls are pending, and which are done
    cluster  Dask's workers, on this machine or elsewhere
    work     one call, in a worker
    tables   figures of all calls, as Parquet
    batch    the whole run, from the folder to the tables
    progress the progress display

A call is done when its result is in `DIR/.calls`, one file for each call, which the worker writes
in one step.  There is no other state: a batch whose processes are killed resumes from these files.
"""
