"""Raises, with a cause."""

import azure.functions as func


def main(req: func.HttpRequest) -> func.HttpResponse:
    try:
        empty: dict[str, func.HttpResponse] = {}
        return empty["a"]
    except KeyError as error:
        message = "it broke"
        raise ValueError(message) from error
