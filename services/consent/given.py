"""What consent's routes are given beside database and time."""

from typing import Annotated, cast

from fastapi import Depends, Request

from services.consent.parts import Parts
from shared.pages import Pages


async def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


async def _pages(request: Request) -> Pages:
    return cast(Pages, request.app.state.pages)


Given = Annotated[Parts, Depends(_parts)]
Shown = Annotated[Pages, Depends(_pages)]
