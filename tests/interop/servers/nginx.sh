# nginx with its own half of WebDAV (PUT, DELETE, MKCOL, MOVE) and the other half (PROPFIND) from a module.
packages=(nginx-light libnginx-mod-http-dav-ext openssl)

serve() {
  local dir=$1 port=$2 state=$1.state user=
  printf 'field:%s\n' "$(openssl passwd -apr1 post)" >"$state/users"
  if [[ $EUID -eq 0 ]]; then
    user='user www-data;'
    chown -R www-data "$state" "$dir"
  fi
  cat >"$state/nginx.conf" <<END
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
$user
daemon off;
pid $state/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path $state/bodies;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:$port;
    root $dir;
    auth_basic fieldpost;
    auth_basic_user_file $state/users;
    dav_methods PUT DELETE MKCOL COPY MOVE;
    dav_ext_methods PROPFIND OPTIONS;
  }
}
END
  exec /usr/sbin/nginx -e stderr -p "$state" -c "$state/nginx.conf"
}
