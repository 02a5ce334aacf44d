"""Cannot be imported."""

import nonesuch  # noqa: F401 - there is none
