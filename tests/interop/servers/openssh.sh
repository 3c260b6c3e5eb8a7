# OpenSSH: `field` is whoever runs this, by key; DIR is where `internal-sftp` starts. Set SFTP=read-only for a server that takes nothing.
packages=(openssh-server openssh-client)

serve() {
  local dir=$1 port=$2 state=$1.state options=()
  [[ ${SFTP:-} != read-only ]] || options=(-R)
  [[ -f $state/host_key ]] || ssh-keygen -q -t ed25519 -N '' -f "$state/host_key"
  [[ -f $state/user_key ]] || ssh-keygen -q -t ed25519 -N '' -f "$state/user_key"
  cp "$state/user_key.pub" "$state/authorized_keys"
  printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$state/host_key.pub")" >"$state/known_hosts"
  cat >"$state/sshd_config" <<EOF
ListenAddress 127.0.0.1
Port $port
HostKey $state/host_key
PidFile none
AuthorizedKeysFile $state/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp internal-sftp -d $dir ${options[*]}
EOF
  # As root it wants this folder, which the package's own service would make.
  [[ $EUID -ne 0 ]] || mkdir -p /run/sshd
  exec "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f "$state/sshd_config"
}
