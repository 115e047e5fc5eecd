"""An identity provider that asks nobody anything: OpenID Connect with one user, for tests."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT = "slm-lab"


@contextmanager
def provider(user: dict[str, str]) -> Iterator[str]:
    """Its address; whoever comes is logged in as `user` (sub, name)."""
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
    nonces: dict[str, str] = {}

    class Answers(BaseHTTPRequestHandler):
        def _send(self, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            asked = {
                name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()
            }
            path = urlsplit(self.path).path
            if path == "/.well-known/openid-configuration":
                self._send(
                    {
                        "issuer": url,
                        "authorization_endpoint": f"{url}/authorize",
                        "token_endpoint": f"{url}/token",
                        "jwks_uri": f"{url}/keys",
                        "response_types_supported": ["code"],
                        "subject_types_supported": ["public"],
                        "id_token_signing_alg_values_supported": ["RS256"],
                    }
                )
            elif path == "/keys":
                self._send({"keys": [key.as_dict(private=False)]})
            else:
                nonces["code"] = asked.get("nonce", "")
                back = urlencode({"code": "code", "state": asked["state"]})
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.end_headers()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            now = int(time.time())
            claims = {"iss": url, "aud": CLIENT, "iat": now, "exp": now + 600}
            claims |= {"nonce": nonces["code"], **user}
            token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
            told = {"access_token": "x", "token_type": "Bearer", "expires_in": 600}
            self._send({**told, "id_token": token})

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
