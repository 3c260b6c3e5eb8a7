# rclone as a WebDAV server (Go's own).
packages=(rclone)

serve() {
  HOME=$1.state exec rclone serve webdav "$1" --addr "127.0.0.1:$2" --user field --pass post
}
