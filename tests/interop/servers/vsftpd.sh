# vsftpd. TLS=explicit or implicit: with TLS, which data connections must take up from the control connection. OpenSSL reads
# OPENSSL_CONF, by which a test sets the versions of TLS. As root only: it gives up its rights.
packages=(libcap2 libpam0g libpam-modules libpam-pwdfile libwrap0 openssl)
unpacked=(vsftpd)

serve() {
  local dir=$1 port=$2 state=$1.state
  mkdir -p "$state/empty"
  chmod 777 "$dir"
  printf 'field:%s\n' "$(openssl passwd -6 -salt fieldpost post)" >"$unpacked_root/vsftpd.users"
  printf '%s\n' "auth required pam_pwdfile.so pwdfile $unpacked_root/vsftpd.users" 'account required pam_permit.so' >/etc/pam.d/fieldpost-vsftpd
  cat >"$state/vsftpd.conf" <<CONF
listen=YES
listen_address=127.0.0.1
listen_port=$port
pasv_min_port=${PASSIVE% *}
pasv_max_port=${PASSIVE#* }
background=NO
seccomp_sandbox=NO
anonymous_enable=NO
local_enable=YES
guest_enable=YES
guest_username=daemon
virtual_use_local_privs=YES
pam_service_name=fieldpost-vsftpd
write_enable=YES
local_root=$dir
local_umask=022
chroot_local_user=YES
allow_writeable_chroot=YES
secure_chroot_dir=$state/empty
xferlog_enable=NO
CONF
  if [[ -n ${TLS:-} ]]; then
    certificate "$dir"
    cat >>"$state/vsftpd.conf" <<CONF
ssl_enable=YES
rsa_cert_file=$state/certificate.pem
rsa_private_key_file=$state/key.pem
force_local_data_ssl=YES
force_local_logins_ssl=YES
require_ssl_reuse=YES
ssl_ciphers=HIGH
CONF
    [[ $TLS == explicit ]] || echo implicit_ssl=YES >>"$state/vsftpd.conf"
  fi
  exec "$unpacked_root/vsftpd/usr/sbin/vsftpd" "$state/vsftpd.conf"
}
