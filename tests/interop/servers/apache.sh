# Apache's WebDAV. What lies in DIR/readonly can only be read. TLS=own: with TLS by a certificate that is its own issuer,
# DIR.state/certificate.pem. TLS=signed: by one that DIR.state/authority.pem signed. Both are for `localhost`.
packages=(apache2-bin openssl)

serve() {
  local dir=$1 port=$2 state=$1.state modules=/usr/lib/apache2/modules
  mkdir -p "$state/locks" "$dir/readonly"
  printf 'field:%s\n' "$(openssl passwd -apr1 post)" >"$state/users"
  {
    echo "ServerRoot $state"
    echo "ServerName localhost"
    echo "Listen 127.0.0.1:$port"
    echo "PidFile $state/pid"
    echo "Mutex file:$state"
    echo "ErrorLog /dev/stderr"
    for module in mpm_event authn_core authn_file authz_core authz_user auth_basic dav dav_fs; do
      echo "LoadModule ${module}_module $modules/mod_$module.so"
    done
    # It refuses to run as root.
    if [[ $EUID -eq 0 ]]; then
      echo "User www-data"
      echo "Group www-data"
      chown -R www-data "$state/locks" "$dir"
    fi
    echo "DocumentRoot $dir"
    echo "DavLockDB $state/locks/db"
    echo "<Directory $dir>"
    echo "  Dav On"
    echo "  AuthType Basic"
    echo "  AuthName fieldpost"
    echo "  AuthUserFile $state/users"
    echo "  Require valid-user"
    echo "</Directory>"
    echo "<Directory $dir/readonly>"
    echo "  <LimitExcept GET HEAD OPTIONS PROPFIND>"
    echo "    Require all denied"
    echo "  </LimitExcept>"
    echo "</Directory>"
    if [[ -n ${TLS:-} ]]; then
      local make=(openssl req -x509 -newkey rsa:2048 -nodes -days 2) name=(-subj /CN=localhost -addext subjectAltName=DNS:localhost)
      if [[ $TLS == signed ]]; then
        "${make[@]}" -subj /CN=authority -keyout "$state/authority.key" -out "$state/authority.pem" 2>/dev/null
        name+=(-CA "$state/authority.pem" -CAkey "$state/authority.key" -addext basicConstraints=critical,CA:FALSE)
      fi
      "${make[@]}" "${name[@]}" -keyout "$state/key.pem" -out "$state/certificate.pem" 2>/dev/null
      echo "LoadModule socache_shmcb_module $modules/mod_socache_shmcb.so"
      echo "LoadModule ssl_module $modules/mod_ssl.so"
      echo "SSLEngine on"
      echo "SSLCertificateFile $state/certificate.pem"
      echo "SSLCertificateKeyFile $state/key.pem"
    fi
  } >"$state/apache.conf"
  exec /usr/sbin/apache2 -f "$state/apache.conf" -DFOREGROUND
}
