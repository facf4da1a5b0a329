"""Gives routes what the composition root has made."""

from typing import Annotated, cast

from fastapi import Depends, Request

from services.reuse.parts import Parts


async def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


Given = Annotated[Parts, Depends(_parts)]
