"""The FastAPI application: routes, the services behind them, and the handlers that turn errors into answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from console.api import (
    brands,
    campaigns,
    catalog_file,
    channels,
    control,
    dead_letters,
    health,
    reconcile,
    snapshots,
    spend,
    status,
)
from console.api.openapi import describe
from console.api.status import StatusCache
from console.api.views import ViewCache
from console.pages import account, live_pages, routes, sign_in
from console.pages.all_campaigns import campaign_counts
from console.pages.overview import need_counts
from console.pages.shared_views import SharedViews
from console.rendering.render import STATIC_FOLDER
from console.server.middleware import Middleware
from console.server.problems import add_handlers
from console.server.queries import known_page_parameters, known_parameters
from console.server.services import open_services
from streams.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings) -> FastAPI:
    """Serves at once; until Kafka and PostgreSQL are reached, what needs them is answered with 503."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            app.state.views = ViewCache(services)
            app.state.shared_views = SharedViews(services.broadcaster)
            app.state.need_counts = need_counts(services)
            app.state.campaign_counts = campaign_counts(services)
            app.state.status = StatusCache(settings)
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
    app.state.has_spend_form = settings.spend_form
    app.add_middleware(Middleware)
    add_handlers(app)
    app.openapi = cache(lambda: describe(app))  # type: ignore[method-assign]
    for part in (brands, campaigns, catalog_file, channels, spend, snapshots, control, dead_letters, reconcile, status):
        app.include_router(part.router, dependencies=[Depends(known_parameters)])
    app.include_router(health.router)
    for pages in (sign_in, account, live_pages, routes):
        app.include_router(pages.router, dependencies=[Depends(known_page_parameters)])
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER))
    return app


def _operation_id(route: APIRoute) -> str:
    """The operation's id, such as `campaigns_pause`: generated clients name their functions by it."""
    return "_".join([*(str(tag).replace(" ", "_") for tag in route.tags), route.name])
