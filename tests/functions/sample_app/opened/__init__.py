"""Open to all, async, with a response that is not plain."""

import azure.functions as func


async def main(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(b"\x00\xff", status_code=299, headers={"ETag": "7", "Content-Length": "999"})
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2; HttpOnly")
    return response
