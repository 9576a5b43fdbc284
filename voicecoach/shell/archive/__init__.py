"""An archive: a folder of recordings through the engine, on many cores.

    plan     what is to be done, and what is done
    cluster  who does it: Dask's workers, on this machine or elsewhere
    work     one call, in a worker
    tables   what all calls come to, as Parquet
    batch    the whole, from the folder to the tables
    progress how far it is

A call is done when its result is in `DIR/.calls`, a file for each call, put there in one step by
the worker.  Nothing else is believed: a batch that is killed, whichever of its processes, goes on
from there.
"""
