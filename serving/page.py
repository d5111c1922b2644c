"""The page that describes the routes. It loads nothing from elsewhere and has no scripts."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, Template

HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def show_page(request: Request) -> HTMLResponse:
    """Show all routes with examples."""
    description = request.app.openapi()
    page = _load_template().render(
        title=description["info"]["title"],
        summary=description["info"]["summary"],
        version=description["info"]["version"],
        families=_group_routes(description),
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


@cache
def _load_template() -> Template:
    return Environment(loader=FileSystemLoader(HERE), autoescape=True).get_template("page.html")


def _group_routes(description: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the routes of the description by family."""
    families: dict[str, list[dict[str, Any]]] = {}
    for path, methods in description["paths"].items():
        for method, route in methods.items():
            about = {
                "method": method.upper(),
                "path": path,
                "summary": route["summary"],
                "description": route.get("description", ""),
                "parameters": [
                    each for each in route.get("parameters", []) if each["in"] == "query"
                ],
                "curl": route["x-curl"],
            }
            families.setdefault(route["tags"][0], []).append(about)
    return families
