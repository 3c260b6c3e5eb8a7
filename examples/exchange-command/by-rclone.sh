#!/bin/sh
# Any of the many places rclone knows as an exchange.
#
#   fieldpost takes it as   command:/path/to/by-rclone.sh REMOTE:PATH
#
# rclone exits with 3 and 4 where a folder or a file is not there; for fieldpost that is 10.
remote=$1 operation=$2
shift 2

carry() {
  rclone --retries 1 "$@"
  code=$?
  case $code in
  0) exit 0 ;;
  3 | 4) exit 10 ;;
  *) exit 75 ;;
  esac
}

case $operation in
probe)
  echo 'rename may-replace'
  echo 'put may-be-short'
  ;;
list) carry lsf --files-only --format sp --separator ' ' "$remote/$1" ;;
get) carry copyto --ignore-times "$remote/$1/$2" "$3" ;;
put) carry copyto --ignore-times "$3" "$remote/$1/$2" ;;
rename) carry moveto "$remote/$1/$2" "$remote/$1/$3" ;;
delete) carry delete --include "/$2" "$remote/$1" ;;
*) exit 14 ;;
esac
