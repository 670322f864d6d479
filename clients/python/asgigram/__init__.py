"""What an application may import: `call()` and the errors it can meet.

Owns the public names of the package. Never starts anything: the host is run with `python3 -m asgigram module:attr`.
"""

from asgigram.calls import call
from asgigram.errors import ApiError, ClosedError, Error, Fault
from asgigram.wire import VERSION as __version__

__all__ = ["ApiError", "ClosedError", "Error", "Fault", "__version__", "call"]
