"""The release, in one place: packaging reads it too."""

from typing import Final

__version__: Final = "0.1.0"
