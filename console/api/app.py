"""The application: routes, what they are answered from, and how problems are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from console.api import brands, campaigns, control, dead_letters, health, reconcile, spend, status
from console.api.frame import Frame
from console.api.openapi import describe
from console.api.problems import add_handlers
from console.api.services import open_services
from console.api.status import StatusLook
from console.api.views import Views
from console.web import account, live_pages, routes, sign_in
from console.web.render import STATIC_FOLDER
from streams.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings) -> FastAPI:
    """Serves at once, whether or not Kafka and PostgreSQL are there yet."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            app.state.views = Views(services)
            app.state.status = StatusLook(settings)
            yield

    app = FastAPI(
        title="Spendgate",
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.add_middleware(Frame)
    add_handlers(app)
    app.openapi = cache(lambda: describe(app))  # type: ignore[method-assign]
    for part in (brands, campaigns, spend, control, dead_letters, reconcile, status):
        app.include_router(part.router)
    app.include_router(health.router)
    app.include_router(sign_in.router)
    app.include_router(account.router)
    app.include_router(live_pages.router)
    app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER))
    return app


def _operation_id(route: APIRoute) -> str:
    """Such as `campaigns_pause`, by which clients that are generated name their functions."""
    return "_".join([*(str(tag).replace(" ", "_") for tag in route.tags), route.name])
