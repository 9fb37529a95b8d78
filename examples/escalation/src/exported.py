"""Stands around every function that the host calls: what goes wrong is logged with its place before the
instance is lost, so that its author sees more than a trap."""

import functools

from componentize_py_types import Err
from wit_world.imports import log


def exported(function):
    """A function of an interface, guarded. Faults of the contract, raised as `Err`, pass."""

    @functools.wraps(function)
    def guarded(*arguments):
        try:
            return function(*arguments)
        except Err:
            raise
        except Exception as error:
            log.write(log.Level.ERROR, described(error), [])
            raise

    return guarded


def described(error: Exception) -> str:
    """The error and where it was raised. The module `traceback` would look for the sources, and there are
    no files."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} (at {' > '.join(places)})"
