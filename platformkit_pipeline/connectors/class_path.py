"""`package.module:ClassName`, and what stands there."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from types import ModuleType

from platformkit_pipeline.connectors.secrecy import told


class ClassNotFound(Exception):
    """A class path leads nowhere; the message says how far it led."""


def class_of(class_path: str) -> object:
    """What stands at the class path. Raises ClassNotFound, whatever the module's own code raises when it is imported."""
    module_name, colon, name = class_path.partition(":")
    if not colon or not module_name or not name:
        raise ClassNotFound(f"{class_path!r} is no class path: expected package.module:ClassName")
    found: object = _module(module_name)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ClassNotFound(f"the module {module_name} has no {name}") from None
    return found


def version_of(class_path: str) -> str | None:
    """Version of the distribution that brought the module, else what its top package calls its version; None for neither."""
    top = class_path.partition(":")[0].partition(".")[0]
    version = getattr(sys.modules.get(top), "__version__", None)
    if isinstance(version, str):
        return version
    names = metadata.packages_distributions().get(top, [])
    return metadata.version(names[0]) if names else None


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ClassNotFound(f"there is no module {error.name}: is the package installed in this environment?") from None
        raise ClassNotFound(f"the module {name} cannot be imported: {told(error)}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ClassNotFound(f"the module {name} cannot be imported: {told(error)}") from None
