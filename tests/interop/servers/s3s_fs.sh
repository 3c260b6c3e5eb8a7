# An S3 store that keeps objects as files and really checks signatures. A bucket is a folder of DIR.
# Debian has none that does: the crate is built once, some minutes, into the folder of builds.
packages=()
store="${CARGO_TARGET_DIR:-target}/tmp/s3s-fs"

prepare() {
  # The newest that Rust 1.95 builds.
  [[ -x $store/bin/s3s-fs ]] || cargo install s3s-fs --version 0.14.1 --locked --features binary --root "$store"
}

serve() {
  exec "$store/bin/s3s-fs" --host 127.0.0.1 --port "$2" --access-key field --secret-key post "$1"
}
