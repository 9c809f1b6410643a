"""The application: routes, what they are answered from, and how problems are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from console.api import health
from console.api.headers import SecurityHeaders
from console.api.problems import add_handlers
from console.api.services import open_services
from console.web import live_pages, overview, routes, sign_in
from console.web.render import STATIC_FOLDER
from streams.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings) -> FastAPI:
    """Serves at once, whether or not Kafka and PostgreSQL are there yet."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="Spendgate",
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(SecurityHeaders)
    add_handlers(app)
    app.include_router(health.router)
    app.include_router(sign_in.router)
    app.include_router(overview.router)
    app.include_router(live_pages.router)
    app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER))
    return app
