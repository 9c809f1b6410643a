"""Health checks and metrics. They need no credentials: they have no names and no amounts."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from console.server.problems import problem
from console.server.services import Served

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/health/live")
async def live() -> Response:
    return Response("ok\n", media_type="text/plain")


@router.get("/health/ready")
async def ready(request: Request, services: Served) -> Response:
    """503 while a connection is lost or what was read through it may be out of date."""
    if away := services.away():
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, f"Not ready: {', '.join(away)}.", more={"away": away})
    return Response("ok\n", media_type="text/plain")


@router.get("/health/startup")
async def startup(request: Request, services: Served) -> Response:
    """503 until every connection was ready once."""
    if not services.has_started():
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "Not all of it has been reached yet.")
    return Response("ok\n", media_type="text/plain")


@router.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})
