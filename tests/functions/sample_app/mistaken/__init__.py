"""Its parameter is not the one of function.json."""


def main(clock: object) -> None: ...
