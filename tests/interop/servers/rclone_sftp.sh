# rclone's SFTP server: user `field` with password `post`. It looks at DIR anew each time, since the tests make folders there behind its back.
packages=(rclone openssh-client)

serve() {
  local dir=$1 port=$2 state=$1.state
  [[ -f $state/host_key ]] || ssh-keygen -q -t ed25519 -N '' -f "$state/host_key"
  printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$state/host_key.pub")" >"$state/known_hosts"
  exec rclone serve sftp "$dir" --addr "127.0.0.1:$port" --user field --pass post --key "$state/host_key" --dir-cache-time 1ms
}
