# pyftpdlib. TLS=explicit: with TLS.
packages=(python3-pyftpdlib python3-openssl openssl)

serve() {
  local dir=$1 port=$2
  [[ -z ${TLS:-} ]] || certificate "$dir"
  exec /usr/bin/python3 - "$dir" "$port" "${TLS:-}" "$PASSIVE" <<'PYTHON'
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import ThreadedFTPServer

folder, port, tls, passive = sys.argv[1:]
users = DummyAuthorizer()
users.add_user("field", "post", folder, perm="elradfmw")
handler = TLS_FTPHandler if tls else FTPHandler
handler.authorizer = users
first, last = map(int, passive.split())
handler.passive_ports = range(first, last + 1)
if tls:
    handler.certfile, handler.keyfile = folder + ".state/certificate.pem", folder + ".state/key.pem"
    handler.tls_control_required = handler.tls_data_required = True
ThreadedFTPServer(("127.0.0.1", int(port)), handler).serve_forever()
PYTHON
}
