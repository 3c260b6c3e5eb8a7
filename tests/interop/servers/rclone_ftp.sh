# rclone as an FTP server, plain; the newer rclone that its S3 store needs too.
source "$here/rclone_s3.sh"

serve() {
  HOME=$1.state exec "$newer/bin/rclone" serve ftp "$1" --addr "127.0.0.1:$2" --user field --pass post --passive-port "${PASSIVE/ /-}" --dir-cache-time 1ms
}
