"""Finds the application that `module:attr` names, and gives every style of ASGI the same three arguments.

Owns import and the detection of the style. Never runs the application.
"""

import importlib
import inspect
import os
import sys

from asgigram import log

_HOST_EVENTS = ("disconnect", "response")


class LoadError(Exception):
    """There is no application to run; the text says why and what to do."""


class Application:
    """An application as ASGI 3 calls it, whatever it is underneath.

    `version` is what it is told in `scope["asgi"]["version"]`; `updates` the kinds of update that it has handlers for,
    None if it does not tell.
    """

    def __init__(self, target):
        self.updates = handled_updates(target)
        if inspect.isclass(target) and hasattr(target, "as_asgi"):
            target = target.as_asgi()
        self._target = target
        self._double = is_double_callable(target)
        self._made_bare = inspect.isclass(target) and not self._double and _accepts(target, 0)
        self.version = "2.0" if self._double else "3.0"

    async def __call__(self, scope, receive, send):
        scope = dict(scope, asgi=dict(scope.get("asgi") or {}, version=self.version))
        if self._double:
            instance = self._target(scope)
            await instance(receive, send)
        elif self._made_bare:
            await self._target()(scope, receive, send)
        else:
            await self._target(scope, receive, send)


def load(name):
    """Imports `module:attr` (`attr` may be dotted), with the working directory first on the path."""
    module_name, colon, attributes = name.partition(":")
    if not (module_name and colon and attributes):
        raise LoadError("`%s` is not of the form `module:attr`" % name)
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        target = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            raise LoadError(
                "there is no module `%s`\nhelp: the search begins in the working directory, `%s`"
                % (error.name, os.getcwd())
            ) from None
        raise LoadError(_broken(module_name, error)) from None
    except (Exception, SystemExit) as error:
        raise LoadError(_broken(module_name, error)) from None
    for attribute in attributes.split("."):
        if not hasattr(target, attribute):
            raise LoadError("module `%s` has no attribute `%s`" % (module_name, attributes))
        target = getattr(target, attribute)
    if not callable(target):
        raise LoadError("`%s` is not callable: it is a `%s`" % (name, type(target).__name__))
    return Application(target)


def is_double_callable(target):
    """Whether this is ASGI 2: `target(scope)` makes an instance, which is called with `(receive, send)`."""
    if getattr(target, "_asgi_single_callable", False):
        return False
    if getattr(target, "_asgi_double_callable", False):
        return True
    if inspect.isclass(target):
        return not hasattr(target, "__await__") and _accepts(target, 1)
    if inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(target.__call__):
        return False
    # A plain function may be either: one that returns a coroutine takes three arguments and cannot take one.
    return _accepts(target, 1) or not _accepts(target, 3)


def handled_updates(target):
    """The kinds in the `telegram_<kind>` methods of a Channels consumer, None if this is none.

    Looked for in the class itself, in what `as_asgi()` returned, and behind a ProtocolTypeRouter. Only a class with a
    `dispatch` counts: elsewhere a method's name promises nothing, and a wrong guess would lose updates.
    """
    routes = getattr(target, "application_mapping", None)
    if isinstance(routes, dict):
        target = routes.get("telegram")
    consumer = target if inspect.isclass(target) else getattr(target, "consumer_class", None)
    if not (inspect.isclass(consumer) and callable(getattr(consumer, "dispatch", None))):
        return None
    kinds = [name[len("telegram_") :] for name in dir(consumer) if name.startswith("telegram_")]
    return sorted(kind for kind in kinds if kind and kind not in _HOST_EVENTS) or None


def _accepts(target, count):
    try:
        inspect.signature(target).bind(*[None] * count)
    except (TypeError, ValueError):
        return False
    return True


def _broken(module_name, error):
    return "importing `%s` failed\n%s" % (module_name, log.traceback_of(error).rstrip("\n"))
