"""Set-up from nothing, run by whatever Python 3.9 or newer there is before any package is: standard library only."""
