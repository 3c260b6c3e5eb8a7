# Samba, mounted as people do it who may not mount anything: by smbnetfs, through FUSE. DIR is the share; DIR.mount/HOST/share, whose name is in
# DIR.state/mounted, is the same over SMB. libsmbclient knows no port but 445, which only root may listen on; HOST is a loopback address that no
# other server has, made of PORT.
packages=(samba smbnetfs fuse3)

serve() {
  local dir=$1 port=$2 state=$1.state mount=$1.mount host
  host=127.$((port / 256)).$((port % 256)).1
  mkdir -p "$mount" "$state/.smb"
  chmod 777 "$dir"
  cat >"$state/smb.conf" <<CONF
[global]
server role = standalone server
interfaces = $host/8
bind interfaces only = yes
smb ports = 445
server min protocol = SMB2
disable netbios = yes
load printers = no
printing = bsd
printcap name = /dev/null
pid directory = $state
lock directory = $state
state directory = $state
cache directory = $state
private dir = $state
ncalrpc dir = $state/ncalrpc
log file = $state/log
passdb backend = tdbsam:$state/passdb.tdb
[share]
path = $dir
read only = no
CONF
  printf 'post\npost\n' | smbpasswd -c "$state/smb.conf" -s -a nobody
  smbd --foreground --no-process-group -s "$state/smb.conf" &
  printf 'auth "%s" "nobody" "post"\n' "$host" >"$state/.smb/smbnetfs.conf"
  printf '[global]\nclient min protocol = SMB2\n' >"$state/.smb/smb.conf"
  chmod 600 "$state"/.smb/*
  until (exec 3<>"/dev/tcp/$host/445") 2>/dev/null; do sleep 0.05; done
  (
    until [[ -d $mount/$host/share ]]; do sleep 0.05; done
    printf '%s' "$mount/$host/share" >"$state/mounted"
  ) &
  HOME=$state exec smbnetfs -f "$mount"
}
