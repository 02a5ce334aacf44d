"""For the master key, and answers with a mere string."""

import azure.functions as func


def main(req: func.HttpRequest) -> str:
    return "plain"
