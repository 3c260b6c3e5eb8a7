# ProFTPD. TLS=explicit or implicit: with TLS, of TLS_VERSIONS, which data connections must take up from the control connection.
# OVERWRITE=off: nothing is written over, neither by STOR nor by a rename (its own default).
packages=(proftpd-core proftpd-mod-crypto openssl)

serve() {
  local dir=$1 port=$2 state=$1.state
  chmod 777 "$dir"
  printf 'field:%s:65534:65534::%s:/bin/sh\n' "$(openssl passwd -6 post)" "$dir" >"$state/users"
  chmod 600 "$state/users"
  cat >"$state/proftpd.conf" <<CONF
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port $port
PassivePorts $PASSIVE
User nobody
Group nogroup
DefaultRoot $dir
AuthOrder mod_auth_file.c
AuthUserFile $state/users
RequireValidShell off
AllowOverwrite ${OVERWRITE:-on}
AllowStoreRestart on
PidFile $state/pid
ScoreboardFile $state/scoreboard
DelayTable none
TransferLog none
WtmpLog off
ModulePath /usr/lib/proftpd
LoadModule mod_tls.c
CONF
  if [[ -n ${TLS:-} ]]; then
    certificate "$dir"
    cat >>"$state/proftpd.conf" <<CONF
TLSEngine on
TLSRequired on
TLSProtocol ${TLS_VERSIONS:-TLSv1.2 TLSv1.3}
TLSRSACertificateFile $state/certificate.pem
TLSRSACertificateKeyFile $state/key.pem
TLSLog $state/tls.log
CONF
    [[ $TLS == explicit ]] || echo "TLSOptions UseImplicitSSL" >>"$state/proftpd.conf"
  fi
  exec proftpd --nodaemon --config "$state/proftpd.conf"
}
