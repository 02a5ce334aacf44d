"""Every error that Cauce raises on purpose.

    CauceError
    |- PermanentError          the same input will fail again: record it, do not retry
    |  |- SettingsError        a setting is missing or makes no sense
    |  |- CatalogError         a use case is declared wrongly
    |  |- SourceError          the database answered something that the catalog does not declare
    |  |- DropError            a drop cannot be trained on
    |  |- ConversionError      the ONNX graph does not do what the fitted pipeline does
    |  |- VersionError         a stored version is incomplete, corrupt or of an unknown schema
    |  |- BlobMissing          a blob that was named does not exist
    |- TransientError          the same input may succeed later: let the platform retry
       |- SourceUnavailable    the database cannot be reached or broke off
       |- StoreUnavailable     the storage account cannot be reached or is failing
       |- BlobConflict         somebody else wrote first: read again, then decide

HTTP codes are the business of ``score_http``'s answers and appear nowhere here.
"""


class CauceError(Exception):
    """Base of all errors below."""


class PermanentError(CauceError):
    """Retrying cannot help."""


class SettingsError(PermanentError, ValueError):
    """Settings are missing or wrong; the message lists all of them."""


class CatalogError(PermanentError, ValueError):
    """A catalog file has faults; the message lists all of them with their paths."""


class SourceError(PermanentError):
    """The database's answer does not fit the catalog."""


class DropError(PermanentError, ValueError):
    """A drop cannot be trained on; the message says which rule it breaks."""


class ConversionError(PermanentError):
    """The ONNX graph could not be made, or disagrees with the fitted pipeline."""


class VersionError(PermanentError):
    """A stored version cannot be served."""


class BlobMissing(PermanentError, LookupError):
    """No blob has this name."""


class TransientError(CauceError):
    """Retrying may help."""


class SourceUnavailable(TransientError, ConnectionError):
    """The database cannot be reached, or the connection broke."""


class StoreUnavailable(TransientError, ConnectionError):
    """The storage account cannot be reached, or answered with a server error."""


class BlobConflict(TransientError):
    """A conditional write lost: the blob exists, or changed since it was read."""
