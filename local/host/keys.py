"""Access keys: one for functions, and the master key, which opens everything."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from local.host.routes import Route

FUNCTION_KEY_SETTING = "CAUCE_FUNCTION_KEY"
MASTER_KEY_SETTING = "CAUCE_MASTER_KEY"


@dataclass(frozen=True, slots=True)
class Keys:
    """Not enforced, the host is as open as ``func start`` is."""

    function: str
    master: str
    enforced: bool = True

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, enforced: bool = True) -> "Keys":
        """The keys of the environment, or random ones."""
        return cls(
            environment.get(FUNCTION_KEY_SETTING) or secrets.token_urlsafe(32),
            environment.get(MASTER_KEY_SETTING) or secrets.token_urlsafe(32),
            enforced,
        )

    def admit(self, route: Route, presented: str | None) -> bool:
        """Whether a request with this key (or none) may call the function."""
        if not self.enforced or route.auth_level == "anonymous":
            return True
        if presented is None:
            return False
        return self.is_master(presented) or (route.auth_level == "function" and _same(presented, self.function))

    def admit_system(self, presented: str | None, *, from_this_machine: bool) -> bool:
        """Whether a request may use ``/admin`` and ``/runtime``.

        Tools of this machine need no key, because ``func start`` asks them for none; a key that is presented must be
        right all the same.
        """
        if not self.enforced:
            return True
        return from_this_machine if presented is None else self.is_master(presented)

    def is_master(self, presented: str) -> bool:
        """Whether it is the master key."""
        return _same(presented, self.master)


def _same(presented: str, expected: str) -> bool:
    return hmac.compare_digest(presented.encode(), expected.encode())
