package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// nginx is set up as its documentation has it for speed, with what measuring
// showed to be best on a loopback: tcp_nopush off (on, it costs two thirds at
// 200 KB), open files kept, sendfile, no access log.
const nginxConfig = `daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid %[1]s/pid;
error_log stderr error;
events { worker_connections 8192; }
http {
	access_log off;
	sendfile on;
	tcp_nopush off;
	tcp_nodelay on;
	keepalive_timeout 1h;
	keepalive_requests 1000000000;
	open_file_cache max=10000 inactive=1h;
	open_file_cache_valid 1h;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/temp;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_cache_path %[2]s levels=1:2 keys_zone=c:64m max_size=4g inactive=1d use_temp_path=off;
	server {
		listen %[3]s;
		listen %[4]s ssl http2;
		ssl_certificate %[5]s;
		ssl_certificate_key %[6]s;
		ssl_protocols TLSv1.3;
		ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
		location / {
			proxy_pass http://%[7]s;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host;
			proxy_cache c;
			proxy_cache_key $host$uri$is_args$args;
			proxy_cache_valid 200 1d;
			add_header X-Cache-Status $upstream_cache_status;
		}
	}
}
`

func startNginx(ctx context.Context, u setup) (*server, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	s := &server{name: "nginx", plain: local(ports[0]), secure: local(ports[1])}
	if err := os.MkdirAll(u.dir, 0o700); err != nil {
		return nil, err
	}
	conf := filepath.Join(u.dir, "nginx.conf")
	text := fmt.Sprintf(nginxConfig, u.dir, u.cache, s.plain, s.secure, u.cert, u.key, u.origin)
	if os.Geteuid() == 0 {
		text = "user root;\n" + text // its workers must read the directories of this run
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return s, s.spawn(ctx, u.core, program("nginx"), "-p", u.dir, "-e", "stderr", "-c", conf)
}

// Varnish is measured twice: as it comes, and with what it logs of each request
// cut down to next to nothing.
const (
	varnishDefault = "Varnish"
	varnishQuiet   = "Varnish, few log tags"
)

const quietMask = "-Begin,-End,-Link,-SessOpen,-SessClose,-ReqStart,-ReqMethod,-ReqURL,-ReqProtocol,-ReqHeader,-ReqUnset,-ReqAcct," +
	"-RespProtocol,-RespStatus,-RespReason,-RespHeader,-RespUnset,-VCL_call,-VCL_return,-VCL_use,-Hit,-Length,-Timestamp,-Storage,-TTL,-Filters"

func startVarnish(name string) func(context.Context, setup) (*server, error) {
	return func(ctx context.Context, u setup) (*server, error) {
		ports, err := freePorts(1)
		if err != nil {
			return nil, err
		}
		s := &server{name: name, plain: local(ports[0])}
		storage := "malloc,2g"
		if u.place == onDisk {
			storage = "file," + filepath.Join(u.cache, "storage") + ",2g"
		}
		if err := os.MkdirAll(u.cache, 0o700); err != nil {
			return nil, err
		}
		args := []string{"-F", "-j", "none", "-n", u.dir, "-a", s.plain, "-b", u.origin, "-s", storage, "-t", "86400"}
		if name == varnishQuiet {
			args = append(args, "-p", "vsl_mask="+quietMask)
		}
		return s, s.spawn(ctx, u.core, program("varnishd"), args...)
	}
}
