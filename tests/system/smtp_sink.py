"""A mail server for tests: python3 smtp_sink.py CERTIFICATE KEY. Writes its port, then each mail as a line of JSON. Asks
for STARTTLS and for the user "belfry" with the password "mail-secret". Refuses mail while the file CERTIFICATE.down is there."""
import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(value):
    print(json.dumps(value), flush=True)


class Sink:
    async def handle_DATA(self, server, session, envelope):
        if os.path.exists(sys.argv[1] + ".down"):
            return "451 come back later"
        say({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
             "user": getattr(session, "auth_data", None) and session.auth_data.login.decode(),
             "content": envelope.content.decode("utf-8", "surrogateescape")})
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(auth_data=data, success=data.login == b"belfry" and data.password == b"mail-secret")


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])


async def serve():
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Sink(), hostname="127.0.0.1", tls_context=context, require_starttls=True, authenticator=authenticate,
                     auth_required=True), "127.0.0.1", 0)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(serve())
