"""As much of Meta's Graph API as clients/samples/meta_ads.py asks for, over a platform in memory."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["ACCOUNT", "graph"]

ACCOUNT = "act_1"
#: So that every list has a next page.
_PAGE = 1


@contextmanager
def graph(platform: dict[str, Any]) -> Iterator[str]:
    """The address of a server of this platform, which it changes."""
    handler = type("Graph", (_Graph,), {"platform": platform})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Graph(BaseHTTPRequestHandler):
    platform: dict[str, Any]

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        match address.path.split("/")[1:]:
            case ["act_1"]:
                self._answer({"currency": self.platform["currency"], "timezone_name": self.platform["time_zone"]})
            case ["act_1", "insights"]:
                if self._fails("report"):
                    return
                days = json.loads(query["time_range"])
                rows = [it for it in self.platform["rows"] if days["since"] <= it["day"] <= days["until"]]
                self._page(address.path, query, [_insight(row) for row in rows])
            case ["act_1", "campaigns"]:
                found = [{"id": it["id"], "status": it["status"]} for it in self.platform["campaigns"]]
                self._page(address.path, query, found)
            case _:
                self._answer({"error": {"code": 100, "message": "unknown path"}}, 400)

    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        if self._fails("change"):
            return
        [found] = [it for it in self.platform["campaigns"] if it["id"] == self.path.strip("/")]
        found["status"] = body["status"][0]
        self._answer({"success": True})

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _fails(self, what: str) -> bool:
        if not self.platform["fails"].get(what):
            return False
        self.platform["fails"][what] -= 1
        self._answer({"error": {"code": 17, "message": "User request limit reached", "is_transient": True}}, 400)
        return True

    def _page(self, path: str, query: dict[str, str], items: list[dict[str, Any]]) -> None:
        start = int(query.get("after", "0"))
        answer: dict[str, Any] = {"data": items[start : start + _PAGE]}
        if start + _PAGE < len(items):
            more = f"http://{self.headers['host']}{path}?after={start + _PAGE}"
            if "time_range" in query:
                more += f"&time_range={query['time_range']}".replace('"', "%22").replace(" ", "%20")
            answer["paging"] = {"next": more}
        self._answer(answer)

    def _answer(self, document: dict[str, Any], status: int = 200) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _insight(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "campaign_id": row["id"],
        "spend": f"{row['micros'] / 1_000_000:.2f}",
        "date_start": row["day"],
        "date_stop": row["day"],
    }
