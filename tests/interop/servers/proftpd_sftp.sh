# ProFTPD's mod_sftp: user `field` with password `post`, or with the key in DIR.state/user_key.
packages=(proftpd-core proftpd-mod-crypto openssh-client openssl)

serve() {
  local dir=$1 port=$2 state=$1.state
  [[ -f $state/host_key ]] || ssh-keygen -q -t ed25519 -N '' -f "$state/host_key"
  [[ -f $state/user_key ]] || ssh-keygen -q -t ed25519 -N '' -f "$state/user_key"
  # It reads keys in the form of RFC 4716.
  ssh-keygen -e -f "$state/user_key.pub" >"$state/authorized_keys"
  printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$state/host_key.pub")" >"$state/known_hosts"
  printf 'field:%s:%s:%s::%s:/bin/sh\n' "$(openssl passwd -5 post)" "$(id -u)" "$(id -g)" "$dir" >"$state/passwd"
  printf 'field:x:%s:field\n' "$(id -g)" >"$state/group"
  chmod 600 "$state/passwd" "$state/group"
  local module=/usr/lib/proftpd/mod_sftp.so modules=()
  [[ -f $module ]] && modules=("LoadModule mod_sftp.c")
  cat >"$state/proftpd.conf" <<EOF
ModulePath /usr/lib/proftpd
${modules[*]}
ServerName fieldpost
ServerType standalone
User $(id -un)
Group $(id -gn)
DefaultAddress 127.0.0.1
SocketBindTight on
Port $port
UseIPv6 off
UseReverseDNS off
RequireValidShell off
RootLogin on
PidFile $state/pid
ScoreboardFile $state/scoreboard
DelayEngine off
WtmpLog off
AuthUserFile $state/passwd
AuthGroupFile $state/group
AuthOrder mod_auth_file.c
DefaultRoot ~
AllowOverwrite on
AllowStoreRestart on
SFTPEngine on
SFTPHostKey $state/host_key
SFTPAuthorizedUserKeys file:$state/authorized_keys
SFTPAuthMethods publickey password
SFTPMaxChannels 10
MaxLoginAttempts 3
EOF
  exec "$(command -v proftpd || echo /usr/sbin/proftpd)" --nodaemon --config "$state/proftpd.conf"
}
