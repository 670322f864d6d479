"""Cannot be imported: what it needs is missing."""

import no_such_module_anywhere  # noqa: F401

application = None
