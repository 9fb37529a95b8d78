"""Stands around every function that the host calls: what goes wrong is logged with its traceback before
the instance is lost, so that its author sees more than a trap."""

import functools
import traceback

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
        except Exception:
            log.write(log.Level.ERROR, traceback.format_exc(), [])
            raise

    return guarded
