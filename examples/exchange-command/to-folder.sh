#!/bin/sh
# An exchange of your own: the six operations on a folder, to be changed for a place that fieldpost does not know.
#
#   fieldpost takes it as   command:/path/to/to-folder.sh /mnt/share
#
# It is started once for each operation. What it exits with: 0 done, 10 not there, 11 the name is taken, 12 read-only, 13 full,
# 14 refused, anything else "out of reach, try again". The reason goes to the error output.
root=$1 operation=$2
shift 2

fail() {
  echo "$2" >&2
  exit "$1"
}

[ -d "$root" ] || fail 75 "there is no folder $root"

case $operation in
probe)
  echo 'rename refuses'
  echo 'put whole'
  ;;
list) # FOLDER
  [ -d "$root/$1" ] || exit 10
  LC_ALL=C ls -ln "$root/$1" | awk '/^-/ && NF == 9 { print $5, $9 }'
  ;;
get) # FOLDER NAME FILE
  [ -f "$root/$1/$2" ] || exit 10
  cp "$root/$1/$2" "$3" || exit 75
  ;;
put) # FOLDER NAME FILE
  mkdir -p "$root/$1" && [ -w "$root/$1" ] || fail 12 "nothing can be written to $root/$1"
  cp "$3" "$root/$1/$2" || exit 75
  ;;
rename) # FOLDER FROM TO
  [ ! -e "$root/$1/$3" ] || exit 11
  [ -f "$root/$1/$2" ] || exit 10
  mv "$root/$1/$2" "$root/$1/$3" || exit 12
  ;;
delete) # FOLDER NAME
  [ -f "$root/$1/$2" ] || exit 10
  rm -f "$root/$1/$2" || exit 12
  ;;
*)
  fail 14 "$operation is none of the operations this program knows"
  ;;
esac
