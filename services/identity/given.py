"""What identity's routes are given beside database and time."""

from typing import Annotated, cast

from fastapi import Depends, Request

from services.identity.parts import Parts


async def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


Given = Annotated[Parts, Depends(_parts)]
